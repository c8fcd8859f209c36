import { GantryError, type ErrorKind } from '@gantry/errors';

/** The `error` member of an answer of the `fs` role. */
interface FsErrorWire {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly errno?: unknown;
  readonly step?: unknown;
  /** One character per byte. */
  readonly path?: unknown;
}

type FsCode = 'fs-not-found' | 'fs-conflict' | 'fs-invalid' | 'fs-forbidden' | 'fs-exhausted' | 'fs-unsupported' | 'fs-gone' | 'fs-failed';

interface Meaning {
  readonly kind: ErrorKind;
  readonly code: FsCode;
  readonly text: string;
}

function meaning(kind: ErrorKind, code: FsCode, text: string): Meaning {
  return { kind, code, text };
}

const notFound = (text: string): Meaning => meaning('notFound', 'fs-not-found', text);
const conflict = (text: string): Meaning => meaning('conflict', 'fs-conflict', text);
const invalid = (text: string): Meaning => meaning('invalid', 'fs-invalid', text);
const forbidden = (text: string): Meaning => meaning('forbidden', 'fs-forbidden', text);
const exhausted = (text: string): Meaning => meaning('exhausted', 'fs-exhausted', text);

const meanings: Readonly<Record<string, Meaning>> = {
  ENOENT: notFound('there is nothing of this name'),
  EEXIST: conflict('something has this name already'),
  ENOTEMPTY: conflict('the directory is not empty'),
  EBUSY: conflict('it is in use, perhaps as a mount point'),
  ENOTDIR: conflict('a part of the path is no directory'),
  EISDIR: conflict('it is a directory'),
  ETXTBSY: conflict('it is being executed'),
  ELOOP: invalid('a part of the path is a symbolic link, which is not followed here'),
  EXDEV: invalid('it leads out of the tree, or to another file system'),
  EINVAL: invalid('the file system does not take these values'),
  ENAMETOOLONG: invalid('a name is longer than the file system allows'),
  EOVERFLOW: invalid('an owner has no place in the map of ids'),
  ERANGE: invalid('a value is too long'),
  E2BIG: invalid('a value is too long'),
  ENXIO: invalid('it is a device or socket, which is not opened here'),
  EPERM: forbidden('the kernel does not permit it'),
  EACCES: forbidden('access is denied'),
  EROFS: forbidden('the tree is read-only'),
  EOPNOTSUPP: meaning('notImplemented', 'fs-unsupported', 'the file system does not support this'),
  ENOSYS: meaning('notImplemented', 'fs-unsupported', 'the kernel does not support this'),
  ENOSPC: exhausted('no space or no inodes are left: free some and try again'),
  EDQUOT: exhausted('the quota is used up: free some space and try again'),
  EFBIG: exhausted('the file is larger than the file system allows'),
  EMFILE: exhausted('too many files are open at once: the tree is too deep'),
  ENFILE: exhausted('too many files are open on this machine'),
  EMLINK: exhausted('the file system allows no more links to it'),
  ENOMEM: exhausted('the machine is out of memory'),
};

const codes: Readonly<Record<string, Meaning>> = {
  invalid: invalid(''),
  unsupported: meaning('notImplemented', 'fs-unsupported', ''),
  limit: exhausted(''),
  gone: meaning('unavailable', 'fs-gone', ''),
};

/** The error that an answer tells of. */
export function fsError(value: unknown, extra: Readonly<Record<string, unknown>> = {}): GantryError {
  const error: FsErrorWire = typeof value === 'object' && value !== null ? value : {};
  const path = text(error.path) === '' ? '' : Buffer.from(text(error.path), 'latin1').toString();
  const step = text(error.step);
  const errno = text(error.errno);
  const details = { ...(errno === '' ? {} : { errno }), step, path, ...extra };
  if (errno === '') {
    const { kind, code } = codes[text(error.code)] ?? meaning('internal', 'fs-failed', '');
    return new GantryError(kind, code, path === '' ? text(error.message) : `${JSON.stringify(path)}: ${text(error.message)}`, { details });
  }
  const known = meanings[errno];
  const what = known?.text ?? 'a system call failed; see the kernel log';
  const message = `Cannot ${step === '' ? 'do it' : step} ${JSON.stringify(path.startsWith('/') ? path : `/${path}`)}: ${what} (${errno})`;
  return new GantryError(known?.kind ?? 'internal', known?.code ?? 'fs-failed', message, { details });
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
