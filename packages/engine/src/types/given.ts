/** What a caller may leave out: an absent or undefined member means the default. */
export type Given<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** RFC 3339 in UTC with up to nanoseconds, as `2025-02-17T17:43:39.640013630Z`. */
export type { Time } from '@gantry/driver-api';
