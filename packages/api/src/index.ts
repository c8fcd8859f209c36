export { createApi, type Api, type ApiOptions } from './create-api.ts';
export { createApiServer, serverLimits, type ServerLimits } from './server.ts';
export type { Backends } from './backends.ts';
export type { ApiLogger } from './logger.ts';
export type { AttachedStreams } from './http/streams.ts';
export type { Filters } from './http/filters.ts';
export type {
  AttachQuery, ContainerCreateCall, ContainerListQuery, ContainersBackend, LogLine, LogsQuery, LogStream, StopOptions, TerminalSize, WaitQuery,
} from './containers/backend.ts';
export type { ExecBackend } from './exec/backend.ts';
export type { ImageListQuery, ImagesBackend, PullCall } from './images/backend.ts';
export type { NetworksBackend } from './networks/backend.ts';
export type { EventRecord, EventsQuery, SystemBackend } from './system/backend.ts';
export type { VolumesBackend } from './volumes/backend.ts';
