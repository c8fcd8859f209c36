import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readJson } from './json-file.ts';

/**
 * What a tar left open until a parent is known; kept beside the tree, for a rebase over another parent. Paths are byte
 * strings (one character per byte), relative to the tree.
 */
export interface Notes {
  /** Folders that the tar implies but does not name, parents first; the root is the empty path. */
  readonly implied: readonly string[];
  /** Hard links `[path, target]` whose target is not in the tar. */
  readonly links: readonly (readonly [path: string, target: string])[];
}

const file = 'notes.json';

/** The tree's own sync makes it durable. Without notes there is no file. */
export async function writeNotes(dir: string, notes: Notes): Promise<void> {
  if (notes.implied.length + notes.links.length > 0) await writeFile(join(dir, file), JSON.stringify(notes), { mode: 0o600 });
}

/** Without a file there are none: a committed snapshot says everything itself. @throws GantryError dataLoss */
export async function readNotes(dir: string): Promise<Notes> {
  return (await readJson(join(dir, file), isNotes)) ?? { implied: [], links: [] };
}

function isNotes(value: unknown): value is Notes {
  if (typeof value !== 'object' || value === null || !('implied' in value) || !('links' in value)) return false;
  const { implied, links } = value;
  const isPair = (link: unknown): boolean => Array.isArray(link) && link.length === 2 && link.every((p) => typeof p === 'string');
  return Array.isArray(implied) && implied.every((p) => typeof p === 'string') && Array.isArray(links) && links.every(isPair);
}
