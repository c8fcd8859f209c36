import { isGantryError } from '@gantry/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf, formatReference, mediaTypes, parseImageConfig, parseManifest, parsePlatform, parseReference } from '../src/index.ts';

/** What comes of it is a value or a GantryError of kind `invalid`, whose message is fit for a terminal. */
function settles(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    if (!isGantryError(error) || error.kind !== 'invalid') throw error;
    expect(error.message).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}]*$/u);
  }
}

const descriptor = { mediaType: mediaTypes.layerGzip, digest: digestOf('x'), size: 5, annotations: { a: 'b' }, platform: { os: 'linux', architecture: 'amd64' } };
const samples: [unknown, (bytes: Uint8Array) => unknown][] = [
  [{ schemaVersion: 2, config: descriptor, layers: [descriptor] }, (bytes) => parseManifest(bytes, mediaTypes.manifest)],
  [{ schemaVersion: 2, manifests: [descriptor] }, (bytes) => parseManifest(bytes, mediaTypes.index)],
  [
    { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [digestOf('x')] }, history: [{ empty_layer: true }], config: { Env: ['A=b'], Volumes: { '/a': {} }, Labels: { a: 'b' } } },
    parseImageConfig,
  ],
];

describe('whatever is thrown at them', () => {
  it('manifests and configurations settle: any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const [, parse] of samples) settles(() => parse(Buffer.from(JSON.stringify(value))));
      }),
    );
  });

  it('manifests and configurations settle: good ones with one value replaced', () => {
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.nat(40), fc.jsonValue(), ([sample, parse], at, other) => {
        let i = 0;
        const text = JSON.stringify(sample, (_, value: unknown) => (i++ === at ? other : value));
        settles(() => parse(Buffer.from(text)));
      }),
      { numRuns: 2000 },
    );
  });

  it('manifests and configurations settle: good ones with bytes replaced', () => {
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }), ([sample, parse], changes) => {
        const bytes = Buffer.from(JSON.stringify(sample));
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        settles(() => parse(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('references and platforms settle, and what is taken means one thing', () => {
    const char = fc.constantFrom(...Array.from('ab0._-/:@[]A\u0000\u202e'), 'sha256:', digestOf('x'));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: char, maxLength: 40 }), fc.string()), (text) => {
        settles(() => parsePlatform(text));
        settles(() => {
          const ref = parseReference(text);
          expect(parseReference(formatReference(ref))).toEqual(ref);
          expect(formatReference(ref)).not.toMatch(/\.\.\/|\/\.\.|[^\x21-\x7e]/);
        });
      }),
      { numRuns: 5000 },
    );
  });
});
