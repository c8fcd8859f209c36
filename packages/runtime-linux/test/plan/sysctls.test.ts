import { describe, expect, it } from 'vitest';
import type { OciNamespaceType } from '@gantry/oci';
import { sysctls } from '../../src/plan/sysctls.ts';

const own = new Set<OciNamespaceType>(['network', 'ipc', 'uts']);

describe('sysctls', () => {
  it.each([
    ['net.ipv4.ip_forward', 'net/ipv4/ip_forward'],
    ['net/ipv4/ip_forward', 'net/ipv4/ip_forward'],
    ['net/ipv4/conf/eth0.1/forwarding', 'net/ipv4/conf/eth0.1/forwarding'],
    ['net.ipv4.conf.eth0/1.forwarding', 'net/ipv4/conf/eth0.1/forwarding'],
    ['kernel.shm_rmid_forced', 'kernel/shm_rmid_forced'],
    ['fs.mqueue.msg_max', 'fs/mqueue/msg_max'],
    ['kernel.domainname', 'kernel/domainname'],
  ])('%s', (name, path) => {
    expect(sysctls({ [name]: '1' }, own)).toEqual([[path, '1']]);
  });

  it.each(['kernel.core_pattern', 'vm.swappiness', 'fs.file-max', 'kernel.sysrq', 'net', 'kernel', '', '.', 'net.ipv4..x', 'net/../kernel/core_pattern', 'net/ipv4/./x', '/net/ipv4/x', 'fs.mqueue'])(
    'refuses %j, which is not a namespace\'s',
    (name) => {
      expect(() => sysctls({ [name]: '1' }, own)).toThrow(expect.objectContaining({ kind: 'invalid', code: 'spec-field-invalid' }));
    },
  );

  it.each([
    ['net.ipv4.ip_forward', 'network'],
    ['kernel.msgmax', 'ipc'],
    ['kernel.hostname', 'uts'],
  ] as const)('refuses %s where the %s namespace is the host\'s', (name, namespace) => {
    expect(() => sysctls({ [name]: '1' }, new Set([...own].filter((other) => other !== namespace)))).toThrow(`needs a ${namespace} namespace of the container's own`);
  });

  it('refuses a NUL in a value', () => {
    expect(() => sysctls({ 'net.ipv4.ip_forward': '1\0' }, own)).toThrow(/NUL/);
  });
});
