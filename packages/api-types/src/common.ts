/** A map of text to text. */
export type StringMap = Readonly<Record<string, string>>;

/** The body of every failed request. `code` is an addition of Gantry: stable, kebab-case, listed in `docs/errors.md`. */
export interface ErrorResponse {
  readonly message: string;
  readonly code?: string;
}

/** What creating a thing answers when it has nothing else to say. */
export interface IDResponse {
  readonly Id: string;
}

/** A platform as OCI images name it. */
export interface OCIPlatform {
  readonly architecture: string;
  readonly os: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
  readonly variant?: string;
}

/** A descriptor as the OCI image specification defines it. `size` in bytes. */
export interface OCIDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly urls?: readonly string[] | null;
  readonly annotations?: StringMap | null;
  /** Base64. */
  readonly data?: string | null;
  readonly platform?: OCIPlatform | null;
  readonly artifactType?: string | null;
}

/** Low-level facts of the storage driver, for people, not for programs. */
export interface DriverData {
  readonly Name: string;
  readonly Data: StringMap;
}
