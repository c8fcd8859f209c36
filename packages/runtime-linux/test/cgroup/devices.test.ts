import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dockerDeviceRules, type OciDeviceRule } from '@gantry/oci';
import { deviceProgram } from '../../src/cgroup/devices-bpf.ts';
import { ACCESS, devicePolicy, type DevicePolicy } from '../../src/cgroup/device-rules.ts';
import { deviceWrites } from '../../src/cgroup/devices-v1.ts';
import { runDeviceProgram } from './device-program.ts';

const rwm = ACCESS.read | ACCESS.write | ACCESS.mknod;
const denyAll: OciDeviceRule = { allow: false, access: 'rwm' };

function allowed(policy: DevicePolicy, type: 'b' | 'c', major: number, minor: number, access: number): boolean {
  return runDeviceProgram(deviceProgram(policy), { type, major, minor, access });
}

describe('devicePolicy', () => {
  it('denies all but the default devices when there are no rules', () => {
    const policy = devicePolicy([], []);
    expect(policy.default).toBe('deny');
    expect(policy.exceptions).toContainEqual({ type: 'c', major: 1, minor: 3, access: rwm });
    expect(policy.exceptions.some(({ type }) => type === 'b')).toBe(false);
    expect(allowed(policy, 'b', 8, 0, ACCESS.read)).toBe(false);
  });

  it('adds nothing to Docker\'s rules', () => {
    const policy = devicePolicy(dockerDeviceRules, []);
    expect(policy.exceptions).toHaveLength(dockerDeviceRules.length - 1);
  });

  it('allows everything after a rule for all devices', () => {
    expect(devicePolicy([denyAll, { allow: true, type: 'a', access: 'rwm' }], [])).toEqual({ default: 'allow', exceptions: [] });
    expect(devicePolicy([{ allow: true }, { allow: false, type: 'b', major: 8, access: 'w' }], [])).toEqual({
      default: 'allow',
      exceptions: [{ type: 'b', major: 8, minor: null, access: ACCESS.write }],
    });
  });

  it('takes -1 for all, and rules without a type for both kinds', () => {
    const policy = devicePolicy([denyAll, { allow: true, major: 8, minor: -1, access: 'r' }], []);
    expect(policy.exceptions.slice(0, 2)).toEqual([
      { type: 'b', major: 8, minor: null, access: ACCESS.read },
      { type: 'c', major: 8, minor: null, access: ACCESS.read },
    ]);
  });

  it('merges what is said of one device, and takes back exactly what a later rule says', () => {
    const rules: OciDeviceRule[] = [denyAll, { allow: true, type: 'c', major: 10, minor: 229, access: 'r' }, { allow: true, type: 'c', major: 10, minor: 229, access: 'w' }, { allow: false, type: 'c', major: 10, minor: 229, access: 'r' }];
    expect(devicePolicy(rules, []).exceptions[0]).toEqual({ type: 'c', major: 10, minor: 229, access: ACCESS.write });
  });

  it('lets the runtime make the nodes of the spec, and the container no more than the rules say', () => {
    const policy = devicePolicy([denyAll, { allow: true, type: 'c', major: 10, minor: 229, access: 'r' }], [{ path: '/dev/fuse', type: 'c', major: 10, minor: 229 }, { path: '/dev/pipe', type: 'p' }]);
    expect(policy.exceptions).toContainEqual({ type: 'c', major: 10, minor: 229, access: ACCESS.read | ACCESS.mknod });
    expect(allowed(policy, 'c', 10, 229, ACCESS.write)).toBe(false);
  });

  it.each<[OciDeviceRule[], string]>([
    [[{ allow: true, access: 'x' }], 'linux.resources.devices[0].access'],
    [[{ allow: true, access: '' }], 'linux.resources.devices[0].access'],
    [[denyAll, { allow: true, type: 'c', major: -2 }], 'linux.resources.devices[1].major'],
    [[denyAll, { allow: true, type: 'c', major: 4096 }], 'linux.resources.devices[1].major'],
    [[denyAll, { allow: true, type: 'c', major: 1 }, { allow: false, type: 'c', major: 1, minor: 11 }], 'linux.resources.devices[2]'],
  ])('refuses %j', (rules, field) => {
    expect(() => devicePolicy(rules, [])).toThrow(expect.objectContaining({ kind: 'invalid', details: { field } }));
  });
});

describe('deviceWrites', () => {
  it('denies all, then allows line by line', () => {
    expect(deviceWrites('/d', { default: 'deny', exceptions: [{ type: 'c', major: 1, minor: 3, access: rwm }, { type: 'b', major: null, minor: null, access: ACCESS.mknod }] })).toEqual([
      { path: '/d/devices.deny', data: 'a' },
      { path: '/d/devices.allow', data: 'c 1:3 rwm' },
      { path: '/d/devices.allow', data: 'b *:* m' },
    ]);
  });

  it('allows all, then denies', () => {
    expect(deviceWrites('/d', { default: 'allow', exceptions: [{ type: 'b', major: 8, minor: null, access: ACCESS.write }] })).toEqual([
      { path: '/d/devices.allow', data: 'a' },
      { path: '/d/devices.deny', data: 'b 8:* w' },
    ]);
  });
});

describe('deviceProgram', () => {
  it.each([
    ['c', 1, 3, rwm, true],
    ['c', 1, 3, ACCESS.read, true],
    ['c', 136, 77, ACCESS.read | ACCESS.write, true],
    ['c', 1, 1, ACCESS.read, false], // /dev/mem
    ['b', 8, 0, ACCESS.read, false],
    ['b', 8, 0, ACCESS.mknod, true],
    ['b', 8, 0, ACCESS.mknod | ACCESS.read, false],
    ['c', 5, 0, ACCESS.write, true],
  ] as const)('decides %s %d:%d %d as Docker\'s containers see it: %s', (type, major, minor, access, expected) => {
    expect(allowed(devicePolicy(dockerDeviceRules, []), type, major, minor, access)).toBe(expected);
  });

  it('is a whole number of instructions, and refuses to grow without bound', () => {
    expect(deviceProgram({ default: 'allow', exceptions: [] })).toHaveLength(8 * 8);
    const exceptions = Array.from({ length: 1000 }, (_, minor) => ({ type: 'c' as const, major: 1, minor, access: rwm }));
    expect(() => deviceProgram({ default: 'deny', exceptions })).toThrow(expect.objectContaining({ code: 'device-rules-too-many' }));
  });

  it('decides as the version 1 controller does, for any policy and access', () => {
    const number = fc.constantFrom(1, 2, 3);
    const exception = fc.record({ type: fc.constantFrom('b' as const, 'c' as const), major: fc.option(number), minor: fc.option(number), access: fc.integer({ min: 1, max: 7 }) });
    const policy: fc.Arbitrary<DevicePolicy> = fc.record({ default: fc.constantFrom('allow' as const, 'deny' as const), exceptions: fc.array(exception, { maxLength: 6 }) });
    const request = fc.record({ type: fc.constantFrom('b' as const, 'c' as const), major: number, minor: number, access: fc.integer({ min: 1, max: 7 }) });
    fc.assert(
      fc.property(policy, request, (given, { type, major, minor, access }) => {
        const here = given.exceptions.filter((e) => e.type === type && (e.major === null || e.major === major) && (e.minor === null || e.minor === minor));
        const expected = given.default === 'deny' ? here.some((e) => (access & ~e.access) === 0) : !here.some((e) => (access & e.access) !== 0);
        return allowed(given, type, major, minor, access) === expected;
      }),
      { numRuns: 2000 },
    );
  });
});
