import { describe, expect, it } from 'vitest';
import type { Ns, SandboxRequest } from '@gantry/driver-api';
import type { OciLinux, OciSpec } from '@gantry/oci';
import { chooseNamespaces, sandboxNamespaces } from '../../src/sandbox/namespaces.ts';

const request = (...namespaces: Ns[]): SandboxRequest => ({ id: 's', namespaces, sysctls: {} });
const spec = (namespaces?: OciLinux['namespaces']): OciSpec => ({ ociVersion: '1.2.0', linux: namespaces === undefined ? {} : { namespaces } });
const pinOf = (name: string): string => `/pins/${name}`;

describe('chooseNamespaces', () => {
  it('takes the sandbox\'s when the spec names none', () => {
    expect(chooseNamespaces(request('pid', 'net', 'ipc', 'uts', 'cgroup'), spec(), pinOf)).toEqual({
      sandboxSlot: true,
      fresh: ['pid', 'cgroup'],
      join: { net: '/pins/net', ipc: '/pins/ipc', uts: '/pins/uts' },
      own: new Set(['mount', 'network', 'ipc', 'uts', 'pid', 'cgroup']),
    });
    expect(chooseNamespaces(request(), spec(), pinOf)).toMatchObject({ sandboxSlot: true, fresh: [], join: {}, own: new Set(['mount']) });
  });

  it('takes the sandbox\'s slot when the spec asks for the same, new or by the sandbox\'s own paths', () => {
    const same = [{ type: 'mount' }, { type: 'pid' }, { type: 'network' }] as const;
    expect(chooseNamespaces(request('pid', 'net'), spec(same), pinOf)).toMatchObject({ sandboxSlot: true });
    expect(chooseNamespaces(request('net'), spec([{ type: 'network', path: '/pins/net' }]), pinOf)).toMatchObject({ sandboxSlot: true });
  });

  it('makes a slot of its own for a namespace by path, and keeps the rest the sandbox\'s', () => {
    const choice = chooseNamespaces(request('pid', 'net', 'ipc'), spec([{ type: 'pid' }, { type: 'ipc' }, { type: 'network', path: '/other/net' }]), pinOf);
    expect(choice).toMatchObject({ sandboxSlot: false, fresh: ['pid'], join: { net: '/other/net', ipc: '/pins/ipc' } });
    expect(chooseNamespaces(request(), spec([{ type: 'pid', path: '/proc/9/ns/pid' }, { type: 'time', path: '/proc/9/ns/time' }]), pinOf)).toMatchObject({
      sandboxSlot: false,
      join: { pid: '/proc/9/ns/pid', time: '/proc/9/ns/time' },
    });
  });

  it('does not give a namespace of the host for a line left out, nor a new one that nobody opened', () => {
    expect(() => chooseNamespaces(request('net', 'pid'), spec([{ type: 'pid' }]), pinOf)).toThrow(/linux\.namespaces lacks network/);
    expect(() => chooseNamespaces(request(), spec([{ type: 'network' }]), pinOf)).toThrow(/linux\.namespaces\[0\] asks for a new network namespace/);
    expect(() => chooseNamespaces(request(), spec([{ type: 'network', path: 'relative' }]), pinOf)).toThrow(/linux\.namespaces\[0\]\.path/);
  });

  it.each(['user', 'time'] as const)('says that it makes no %s namespaces', (type) => {
    expect(() => chooseNamespaces(request(), spec([{ type }]), pinOf)).toThrow(expect.objectContaining({ kind: 'notImplemented', code: 'spec-field-unsupported' }));
  });
});

describe('sandboxNamespaces', () => {
  it('puts them in order, once each', () => {
    expect(sandboxNamespaces(request('pid', 'net', 'pid'))).toEqual(['net', 'pid']);
  });

  it.each([request('user'), { ...request(), idmap: { uid: [], gid: [] } }])('has no user namespaces: %j', (wanted) => {
    expect(() => sandboxNamespaces(wanted)).toThrow(expect.objectContaining({ kind: 'notImplemented', code: 'user-namespace-unsupported' }));
  });
});
