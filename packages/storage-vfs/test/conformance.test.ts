import { storageConformance } from '@gantry/conformance/storage';
import { describe, test } from 'vitest';

describe.runIf(process.getuid?.() === 0)('vfs on this machine', () => {
  storageConformance({ test, plugin: new URL('../src/index.ts', import.meta.url) });
});
