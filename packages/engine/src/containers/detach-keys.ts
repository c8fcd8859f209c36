import { GantryError } from '@gantry/errors';

const defaultKeys = 'ctrl-p,ctrl-q';
const controls: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 };

/**
 * The bytes that `ctrl-p,ctrl-q` and the like stand for; empty: those. @throws GantryError invalid `bad-detach-keys`.
 */
export function parseDetachKeys(text: string | undefined): Uint8Array {
  const keys = text === undefined || text === '' ? defaultKeys : text;
  return Uint8Array.from(keys.split(',').map((key) => {
    const [, control] = /^ctrl-(.)$/i.exec(key) ?? [];
    const code = control === undefined ? undefined : (controls[control] ?? (/^[a-z]$/i.test(control) ? control.toLowerCase().charCodeAt(0) - 96 : undefined));
    const byte = code ?? (/^[\x20-\x7e]$/.test(key) ? key.charCodeAt(0) : undefined);
    if (byte === undefined) throw new GantryError('invalid', 'bad-detach-keys', `Invalid detach keys (${keys}) provided`, { details: { detachKeys: keys } });
    return byte;
  }));
}

/** Finds a sequence of keys in what is typed. What could still become it is held back, until it does or does not. */
export class DetachKeys {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** What goes on to the container; `detach`: the sequence is complete, and what came behind it is dropped. */
  feed(chunk: Uint8Array): { readonly data: Uint8Array; readonly detach: boolean } {
    const out: number[] = [];
    for (const byte of chunk) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched += 1;
        if (this.#matched === this.#keys.length) return { data: Uint8Array.from(out), detach: true };
        continue;
      }
      if (this.#matched === 0) {
        out.push(byte);
        continue;
      }
      out.push(...this.#keys.subarray(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) out.push(byte);
    }
    return { data: Uint8Array.from(out), detach: false };
  }

  /** What was held back, at the end of the input. */
  flush(): Uint8Array {
    const held = this.#keys.slice(0, this.#matched);
    this.#matched = 0;
    return held;
  }
}
