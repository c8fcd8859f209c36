/**
 * Arguments that the kernel takes as 32 bit (`int`, `unsigned int`), by system call: what the upper half of the
 * register holds does not reach it. A filter that compared 64 bits could be walked around with rubbish up there:
 * `socket(0x1_0000_0026, ...)` is a socket of family 0x26, and `ioctl(fd, 0x1_0000_5412)` is TIOCSTI. So these are
 * compared by the half that counts. Listed are the calls whose arguments profiles look at; from the prototypes in
 * section 2 of the Linux manual pages, and `clone`, whose flags the kernel cuts to their lower half.
 */
const narrow: ReadonlyMap<string, readonly number[]> = new Map([
  ['accept4', [0, 3]],
  ['bpf', [0, 2]],
  ['clone', [0]],
  ['epoll_ctl', [0, 1, 2]],
  ['fcntl', [0, 1]],
  ['futex', [1, 2, 5]],
  ['getsockopt', [0, 1, 2]],
  ['ioctl', [0, 1]],
  ['keyctl', [0]],
  ['kill', [0, 1]],
  ['madvise', [2]],
  ['memfd_create', [1]],
  ['open', [1]],
  ['openat', [0, 2]],
  ['perf_event_open', [1, 2, 3]],
  ['personality', [0]],
  ['prctl', [0]],
  ['quotactl', [0, 2]],
  ['reboot', [0, 1, 2]],
  ['sched_setscheduler', [0, 1]],
  ['seccomp', [0, 1]],
  ['sendmsg', [0, 2]],
  ['sendto', [0, 3]],
  ['setns', [0, 1]],
  ['setsockopt', [0, 1, 2, 4]],
  ['socket', [0, 1, 2]],
  ['socketpair', [0, 1, 2]],
  ['syslog', [0, 2]],
  ['tgkill', [0, 1, 2]],
  ['userfaultfd', [0]],
  ['waitid', [0, 1, 3]],
]);

/** Whether the kernel looks at the lower half of this argument only, on an architecture with 64 bit registers. */
export function isNarrow(syscall: string, index: number): boolean {
  return narrow.get(syscall)?.includes(index) ?? false;
}
