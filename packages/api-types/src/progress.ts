/** How far a step is. Both in bytes for transfers. */
export interface ProgressDetail {
  readonly current?: number;
  readonly total?: number;
  /** Since when, in seconds of Unix time, for steps whose size is unknown. */
  readonly start?: number;
  readonly hidecounts?: boolean;
  /** What is counted, when it isn't bytes. */
  readonly units?: string;
}

export interface ErrorDetail {
  /** An HTTP status where one fits. */
  readonly code?: number;
  readonly message: string;
}

/**
 * One line of a streamed answer (`POST /images/create`, push, load): each line a JSON object.
 * A failure after the first byte is a line with `errorDetail`; the status was 200 by then.
 */
export interface JSONMessage {
  readonly id?: string;
  readonly status?: string;
  readonly progressDetail?: ProgressDetail;
  /** A bar drawn as text. Deprecated by the API in favour of `progressDetail`, still sent to clients below 1.52. */
  readonly progress?: string;
  readonly stream?: string;
  readonly errorDetail?: ErrorDetail;
  /** Deprecated by the API in favour of `errorDetail`, still sent: old clients look only here. */
  readonly error?: string;
  /** A result that is no progress: an image's ID, a digest. */
  readonly aux?: unknown;
}

/** A line of `POST /images/create`. */
export type CreateImageInfo = JSONMessage;
