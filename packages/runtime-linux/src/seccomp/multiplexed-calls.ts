/** An older call that stands for many: which one is in its first argument, the rest in memory that no filter can read. */
export interface Multiplexed {
  readonly call: 'socketcall' | 'ipc';
  /** What the first argument is; the upper half of `ipc`'s is a version. */
  readonly number: number;
  readonly mask: number;
}

/** linux/net.h, SYS_*: in this order from 1. */
const socketCalls = [
  'socket', 'bind', 'connect', 'listen', 'accept', 'getsockname', 'getpeername', 'socketpair', 'send', 'recv', 'sendto', 'recvfrom', 'shutdown',
  'setsockopt', 'getsockopt', 'sendmsg', 'recvmsg', 'accept4', 'recvmmsg', 'sendmmsg',
];

/** linux/ipc.h. */
const ipcCalls: readonly (readonly [string, number])[] = [
  ['semop', 1], ['semget', 2], ['semctl', 3], ['semtimedop', 4],
  ['msgsnd', 11], ['msgrcv', 12], ['msgget', 13], ['msgctl', 14],
  ['shmat', 21], ['shmdt', 22], ['shmget', 23], ['shmctl', 24],
];

const multiplexed: ReadonlyMap<string, Multiplexed> = new Map([
  ...socketCalls.map((name, index): [string, Multiplexed] => [name, { call: 'socketcall', number: index + 1, mask: 0xffff_ffff }]),
  ...ipcCalls.map(([name, number]): [string, Multiplexed] => [name, { call: 'ipc', number, mask: 0xffff }]),
]);

/** How i386 can make this call through another one. */
export function multiplexedCall(name: string): Multiplexed | undefined {
  return multiplexed.get(name);
}
