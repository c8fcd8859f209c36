/** Where the API reports what no client is told. Fields first, then a sentence. */
export interface ApiLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
