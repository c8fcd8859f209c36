export * from './digest.ts';
export * from './reference.ts';
export * from './image.ts';
export * from './media-types.ts';
export * from './platform.ts';
export * from './runtime-spec.ts';
export * from './docker-defaults.ts';
export * from './users.ts';
