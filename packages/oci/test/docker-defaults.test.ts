import { describe, expect, it } from 'vitest';
import { dockerCapabilities, dockerDeviceRules, dockerDevices, dockerMaskedPaths, dockerMounts, dockerReadonlyPaths, dockerShmSize } from '../src/index.ts';

/** Numbers of include/uapi/linux/capability.h. */
const capabilityNumber: Record<string, number> = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_RAW: 13,
  CAP_SYS_CHROOT: 18,
  CAP_MKNOD: 27,
  CAP_AUDIT_WRITE: 29,
  CAP_SETFCAP: 31,
};

describe('what Docker gives a container', () => {
  it('is the capability mask that /proc/self/status shows in one', () => {
    const mask = dockerCapabilities.reduce((bits, name) => bits | (1n << BigInt(capabilityNumber[name] ?? -1)), 0n);
    expect(mask.toString(16).padStart(16, '0')).toBe('00000000a80425fb');
  });

  it('hides the thermal counters of each processor and nothing twice', () => {
    const paths = dockerMaskedPaths(2);
    expect(paths).toContain('/proc/kcore');
    expect(paths).toContain('/sys/firmware');
    expect(paths.filter((path) => path.endsWith('/thermal_throttle'))).toEqual([
      '/sys/devices/system/cpu/cpu0/thermal_throttle',
      '/sys/devices/system/cpu/cpu1/thermal_throttle',
    ]);
    expect(new Set(paths).size).toBe(paths.length);
    expect(dockerMaskedPaths(0).some((path) => path.includes('thermal'))).toBe(false);
  });

  it('neither masks a read-only path nor leaves one writable that selects a host program', () => {
    expect(dockerReadonlyPaths).toEqual(expect.arrayContaining(['/proc/sys', '/proc/sysrq-trigger']));
    expect(dockerReadonlyPaths.filter((path) => dockerMaskedPaths(1).includes(path))).toEqual([]);
  });

  it('denies every device first, then lets open exactly its own nodes and the terminals', () => {
    const [first, ...rest] = dockerDeviceRules;
    expect(first).toEqual({ allow: false, access: 'rwm' });
    expect(rest.every((rule) => rule.allow)).toBe(true);
    const open = rest.filter((rule) => rule.access !== 'm');
    for (const { major, minor } of dockerDevices) expect(open.some((rule) => rule.major === major && rule.minor === minor)).toBe(true);
    expect(open.every((rule) => rule.type === 'c' && rule.major !== undefined)).toBe(true);
    expect(open.filter((rule) => rule.minor === undefined).map((rule) => rule.major)).toEqual([136]);
  });

  it('mounts parents before children, and sys and cgroup read-only', () => {
    const order = dockerMounts.map((mount) => mount.destination);
    for (const path of order) {
      const parent = order.findLastIndex((other) => path !== other && path.startsWith(`${other}/`));
      expect(parent).toBeLessThan(order.indexOf(path));
    }
    for (const path of ['/sys', '/sys/fs/cgroup']) expect(dockerMounts.find((mount) => mount.destination === path)?.options).toContain('ro');
    expect(dockerMounts.find((mount) => mount.destination === '/dev/shm')?.options).toContain(`size=${dockerShmSize / 1024}k`);
  });
});
