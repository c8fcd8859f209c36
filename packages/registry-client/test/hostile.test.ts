import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../src/auth/challenge.ts';
import { isRangeFrom } from '../src/blob/content-range.ts';
import { parseRetryAfter } from '../src/http/retry.ts';
import { ZstdFrames } from '../src/layer/zstd-frames.ts';
import { pack } from './support/images.ts';

describe('whatever a registry sends', () => {
  it('challenges are read without a throw, and written ones are read back', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom(...Array.from('ab =",\\\t'), 'Basic ', 'realm="'), maxLength: 60 })), (values) => {
        for (const { scheme, params } of parseChallenges(values)) {
          expect(scheme).toMatch(/^[^\s",=]+$/);
          for (const name of params.keys()) expect(name).not.toBe('');
        }
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 100 }), fc.string({ maxLength: 100 }), (realm, service) => {
        const quote = (text: string): string => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
        const [basic, bearer] = parseChallenges([`Basic realm=${quote(service)}, Bearer service=${quote(service)},realm=${quote(realm)}`]);
        expect([basic?.params.get('realm'), bearer?.params.get('realm'), bearer?.params.get('service')]).toEqual([service, realm, service]);
      }),
    );
  });

  it('other headers are taken or not', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('bytes 0123456789-/*,')) }), (text) => {
        expect(typeof isRangeFrom(text, 5, 10)).toBe('boolean');
        expect(parseRetryAfter(text) ?? 0).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('zstd frames: every byte comes out once, in order, or the stream is refused', () => {
    const frame = pack(Buffer.from('some text to pack, some text to pack'), 'zstd');
    const skippable = Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2]);
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(frame, skippable), fc.uint8Array({ maxLength: 20 })), { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (parts, cuts) => {
        const input = Buffer.concat(parts);
        const frames = new ZstdFrames();
        const out: Uint8Array[] = [];
        try {
          for (let at = 0, i = 0; at < input.length; i++) {
            const step = cuts[i % cuts.length] ?? 1;
            out.push(...frames.split(input.subarray(at, at + step)));
            at += step;
          }
        } catch (error) {
          expect(error).toMatchObject({ kind: 'dataLoss', code: 'layer-corrupt' });
          return;
        }
        expect(Buffer.concat(out).equals(input)).toBe(true);
        expect(out.every((piece) => piece.length > 0)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
