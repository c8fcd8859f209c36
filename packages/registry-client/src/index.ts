export {
  createRegistryClient,
  type BlobOptions,
  type CallOptions,
  type LayerOptions,
  type PullOptions,
  type RegistryClient,
  type ResolveOptions,
} from './client.ts';
export type { Credentials, CredentialSource } from './auth/credentials.ts';
export type { BlobRead, ContentCall, ImageContent, RawManifest } from './content.ts';
export type { OnRetry } from './http/retry.ts';
export type { ClientLog } from './log.ts';
export type { FetchedManifest } from './manifest/fetched.ts';
export type { ResolvedImage } from './manifest/resolve.ts';
export type { HostCertificates, Limits, ProxyOptions, RegistryClientOptions, RetryPolicy, Timeouts } from './options.ts';
export { Join } from './pull/join.ts';
export type { LayerDownload, LayerSink, PullLayer } from './pull/layer-sink.ts';
export type { OnProgress, PullProgress } from './pull/progress.ts';
export type { PulledImage } from './pull/pull.ts';
export type { BlobStore, PartialBlob, StoredBlob } from './store/blob-store.ts';
