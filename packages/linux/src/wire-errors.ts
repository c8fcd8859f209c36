import { GantryError, type ErrorKind } from '@gantry/errors';
import type { Fields } from './fields.ts';

/** How a caller has to react to a failed system call. Everything else is `internal`. */
const kindOfErrno: Readonly<Record<string, ErrorKind>> = {
  ENOENT: 'notFound',
  ENODEV: 'notFound',
  ESRCH: 'notFound',
  EEXIST: 'conflict',
  EBUSY: 'conflict',
  ENOTEMPTY: 'conflict',
  ETXTBSY: 'conflict',
  EINVAL: 'invalid',
  ENOTDIR: 'invalid',
  EISDIR: 'invalid',
  ELOOP: 'invalid',
  ENAMETOOLONG: 'invalid',
  E2BIG: 'invalid',
  ERANGE: 'invalid',
  EPERM: 'forbidden',
  EACCES: 'forbidden',
  EROFS: 'forbidden',
  ENOSPC: 'exhausted',
  EDQUOT: 'exhausted',
  ENOMEM: 'exhausted',
  EMFILE: 'exhausted',
  ENFILE: 'exhausted',
  EAGAIN: 'exhausted',
  EUSERS: 'exhausted',
  EMSGSIZE: 'exhausted',
  ETIMEDOUT: 'timeout',
  ENOSYS: 'notImplemented',
  EOPNOTSUPP: 'notImplemented',
  EIO: 'dataLoss',
  EUCLEAN: 'dataLoss',
  EBADMSG: 'dataLoss',
};

/**
 * The error that an answer's `error` stands for. `details` has `errno` and `step` when a system call failed, and `exitCode`
 * (126 or 127) when a program could not be executed.
 */
export function fromWire(error: Fields): GantryError {
  const message = error.string('message');
  const errno = error.optionalString('errno');
  const step = error.optionalString('step');
  const details = { ...(errno === undefined ? {} : { errno }), ...(step === undefined ? {} : { step }) };
  switch (error.string('code')) {
    case 'os':
      return new GantryError((errno === undefined ? undefined : kindOfErrno[errno]) ?? 'internal', 'native-os', message, { details });
    case 'exec':
      return new GantryError('invalid', 'exec-failed', `The program cannot be executed: ${message}`, {
        details: { ...details, exitCode: errno === 'ENOENT' || errno === 'ENOTDIR' ? 127 : 126 },
      });
    case 'unsupported':
      return new GantryError('notImplemented', 'native-unsupported', message, { details });
    case 'invalid':
      return new GantryError('invalid', 'native-invalid', message, { details });
    case 'notFound':
      return new GantryError('notFound', 'native-not-found', message, { details });
    case 'conflict':
      return new GantryError('conflict', 'native-conflict', message, { details });
    case 'gone':
      return new GantryError('conflict', 'not-running', message, { details });
    default:
      return new GantryError('internal', 'native-internal', message, { details });
  }
}
