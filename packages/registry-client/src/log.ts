/** What the client needs of a structured logger; any logger of Gantry's fits. */
export interface ClientLog {
  debug(o: object, m: string): void;
  warn(o: object, m: string): void;
}

export const silent: ClientLog = { debug: () => undefined, warn: () => undefined };
