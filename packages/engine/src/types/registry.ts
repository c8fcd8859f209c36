/** How registries are reached. */
export interface RegistryOptions {
  /** URLs of mirrors of Docker Hub, tried in order before it. */
  readonly mirrors?: readonly string[] | undefined;
  /** Hosts (`registry.local:5000`) or networks (`10.0.0.0/8`) that may speak HTTP or show any certificate. */
  readonly insecure?: readonly string[] | undefined;
  /** Layers of one pull at a time. Default 3. */
  readonly concurrency?: number | undefined;
  readonly userAgent?: string | undefined;
}
