import { fromJson } from '@gantry/errors';
import { parseImageConfig, parseManifest, type ImageConfig, type ManifestDocument } from '@gantry/oci';
import type { ParseOutput, Task } from '../threads/protocol.ts';
import type { Threads } from '../threads/threads.ts';

/** What is larger may block the event loop for a fifth of a second, made to: it is parsed in a thread. */
const smallBytes = 64 * 1024;

/** Reads manifests and configurations; see `parseManifest` and `parseImageConfig` for what is thrown. */
export class DocumentParser {
  readonly #threads: Threads;

  constructor(threads: Threads) {
    this.#threads = threads;
  }

  async manifest(bytes: Uint8Array, mediaType: string): Promise<ManifestDocument> {
    if (bytes.length <= smallBytes) return parseManifest(bytes, mediaType);
    const answer = await this.#inThread({ type: 'parse', what: 'manifest', mediaType, bytes });
    if (answer.type !== 'manifest') throw this.#threads.explainEnd();
    return answer.document;
  }

  async config(bytes: Uint8Array): Promise<ImageConfig> {
    if (bytes.length <= smallBytes) return parseImageConfig(bytes);
    const answer = await this.#inThread({ type: 'parse', what: 'config', mediaType: '', bytes });
    if (answer.type !== 'config') throw this.#threads.explainEnd();
    return answer.config;
  }

  async #inThread(task: Omit<Extract<Task, { type: 'parse' }>, 'port'>): Promise<Exclude<ParseOutput, { type: 'failed' }>> {
    const port = this.#threads.run(task);
    const answer = await new Promise<ParseOutput>((resolve, reject) => {
      port.on('message', resolve);
      port.on('close', () => reject(this.#threads.explainEnd()));
    });
    if (answer.type === 'failed') throw fromJson(answer.error);
    return answer;
  }
}
