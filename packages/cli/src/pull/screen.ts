import type { CreateImageInfo } from '@gantry/api-types';
import { safeText } from '../kit/safe-text.ts';
import { formatBytes } from '../kit/units.ts';

/** Redraws no oftener than this, in milliseconds: a terminal shows no more. */
const frame = 50;

/** One line an id, redrawn in place (ECMA-48: CUU, EL), others above as they come. */
export class PullScreen {
  readonly #write: (text: string) => Promise<void>;
  readonly #lines = new Map<string, string>();
  #drawn = 0;
  #last = 0;

  constructor(write: (text: string) => Promise<void>) {
    this.#write = write;
  }

  async show(line: CreateImageInfo): Promise<void> {
    const text = describe(line);
    if (line.id === undefined) {
      await this.#draw(`${text}\n`);
      return;
    }
    this.#lines.set(line.id, `${safeText(line.id)}: ${text}`);
    if (performance.now() - this.#last >= frame) await this.#draw('');
  }

  async close(): Promise<void> {
    await this.#draw('');
  }

  async #draw(above: string): Promise<void> {
    this.#last = performance.now();
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
    // What is said once stays: the moving lines go on below it.
    const fixed = above === '' ? '' : `\u001b[J${above}`;
    this.#drawn = this.#lines.size;
    await this.#write(`${up}${fixed}${[...this.#lines.values()].map((text) => `\u001b[2K${text}\n`).join('')}`);
  }
}

function describe({ status = '', progressDetail }: CreateImageInfo): string {
  const { current, total } = progressDetail ?? {};
  if (current === undefined || total === undefined || total <= 0) return safeText(status);
  const cells = 30;
  const full = Math.min(cells, Math.floor((current / total) * cells));
  return `${safeText(status).padEnd(12)} [${'='.repeat(full)}${full < cells ? '>' : ''}${' '.repeat(Math.max(0, cells - full - 1))}] ${formatBytes(current)}/${formatBytes(total)}`;
}
