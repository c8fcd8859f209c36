import { storageConformance } from '@gantry/conformance/storage';
import { describe, test } from 'vitest';

describe.runIf(process.geteuid?.() === 0)('overlay on this machine', () => {
  storageConformance({ test, plugin: new URL('../src/index.ts', import.meta.url), instants: process.env['CI'] === 'true' ? 8 : 2 });
});
