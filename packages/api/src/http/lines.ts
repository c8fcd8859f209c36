import { toHttp } from '@gantry/errors';
import type { JSONMessage } from '@gantry/api-types';

/** One JSON object a line, as Docker's clients read them. */
export const line = (message: unknown): string => `${JSON.stringify(message)}\r\n`;

/** A failure after the first byte, in both shapes that clients look for. */
export function errorLine(error: unknown): string {
  const { status, body } = toHttp(error);
  const message: JSONMessage = { errorDetail: { code: status, message: body.message }, error: body.message };
  return line(message);
}

/**
 * Progress as lines. Waits for the first message, so that what fails before it can still be answered with a status;
 * what fails later becomes a last line.
 */
export async function progressLines(messages: AsyncIterable<JSONMessage>): Promise<AsyncIterable<string>> {
  const source = messages[Symbol.asyncIterator]();
  const first = await source.next();
  return (async function* () {
    try {
      for (let next = first; next.done !== true; next = await source.next()) yield line(next.value);
    } catch (error) {
      yield errorLine(error);
    } finally {
      await source.return?.();
    }
  })();
}
