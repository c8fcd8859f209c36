export { createClient, type ClientOptions, type EngineClient } from './client.ts';
export type { AttachOptions, Containers, LogOptions } from './containers.ts';
export { chooseHost, defaultSocket, formatEndpoint, parseEndpoint, type Endpoint } from './endpoint.ts';
export type { CallOptions } from './http-api.ts';
export type { Images, PullOptions } from './images.ts';
export type { AttachedStreams } from './output-stream.ts';
export { demultiplex, type Output } from './stdcopy.ts';
export type { DriverReport, Filters, PingResult, System } from './system.ts';
