import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The name that stands for this image where no registry is asked. */
export const reference = 'hello:latest';

/**
 * The absolute path of the image as an OCI image layout (OCI image spec, "Image Layout"): its `index.json` names one
 * index with a manifest for each platform that was built.
 */
export function layoutPath(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  // From the sources the layout is one folder over.
  const beside = join(here, 'layout');
  return existsSync(beside) ? beside : join(here, '../dist/layout');
}
