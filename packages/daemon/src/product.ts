import { createRequire } from 'node:module';

/** Read, not imported: the file lies above the sources and above the built package alike. */
const manifest: unknown = createRequire(import.meta.url)('../package.json');

/** What `Server`, `/version` and `--version` say. */
export const product: { readonly name: string; readonly version: string } = {
  name: 'Gantry',
  version: typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '',
};
