import { randomBytes } from 'node:crypto';

/** 64 hexadecimal digits; the first 12 are never all decimal, since they also serve as a host's name. */
export function randomId(): string {
  for (;;) {
    const id = randomBytes(32).toString('hex');
    if (!/^\d{12}/.test(id)) return id;
  }
}

/** Names one run, operation or session. */
export function randomToken(): string {
  return randomBytes(12).toString('hex');
}

/** As people see it. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}
