/** Stream numbers of Docker's multiplexed streams; 3 carries an error of the engine itself. */
export type StreamType = 1 | 2 | 3;

/**
 * The eight bytes before each piece: which stream, then its length (big endian).
 * Spec: Engine API, "Stream format" of the attach endpoint.
 */
export function frameHeader(type: StreamType, length: number): Buffer {
  const header = Buffer.alloc(8);
  header[0] = type;
  header.writeUInt32BE(length, 4);
  return header;
}

/** Header and piece as one chunk. */
export function frame(type: StreamType, data: Uint8Array): Buffer {
  return Buffer.concat([frameHeader(type, data.length), data]);
}
