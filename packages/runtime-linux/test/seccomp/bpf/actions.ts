const texts: ReadonlyMap<number, string> = new Map([
  [0x8000_0000, 'kill process'],
  [0x0000_0000, 'kill thread'],
  [0x0003_0000, 'trap'],
  [0x0005_0000, 'errno'],
  [0x7fc0_0000, 'notify'],
  [0x7ff0_0000, 'trace'],
  [0x7ffc_0000, 'log'],
  [0x7fff_0000, 'allow'],
]);

/** A `SECCOMP_RET_*` word for people: `allow`, `errno 38`. */
export function describeAction(word: number): string {
  const action = texts.get((word & 0xffff_0000) >>> 0);
  if (action === undefined) throw new Error(`no action: 0x${word.toString(16)}`);
  const data = word & 0xffff;
  return action === 'errno' || action === 'trace' ? `${action} ${data}` : action;
}
