import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, release, totalmem } from 'node:os';
import type { HostInfo } from '@gantry/driver-api';
import { controllerDir, placeOf, type CgroupHost, type Controller } from '../cgroup/hierarchy.ts';

/** Node's names of architectures to those of images. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386', riscv64: 'riscv64', ppc64: 'ppc64le', s390x: 's390x' };

/** What does not change while the machine runs. */
export async function hostInfo(cgroups: CgroupHost): Promise<HostInfo> {
  const limits = (['memory', 'cpu', 'cpuset', 'pids', 'blkio', 'io', 'devices', 'freezer', 'hugetlb'] satisfies Controller[]).filter((name) => controllerDir(placeOf(cgroups, ''), name) !== undefined);
  return {
    kernel: release(),
    arch: architectures[arch()] ?? arch(),
    os: 'linux',
    cpus: availableParallelism(),
    memory: totalmem(),
    cgroup: cgroups.mode,
    systemd: existsSync('/run/systemd/system'),
    features: {
      os: await distribution(),
      controllers: limits.join(' '),
      swapLimit: String(swapLimit(cgroups)),
      seccomp: 'true',
      apparmor: String(existsSync('/sys/kernel/security/apparmor/profiles')),
    },
  };
}

/** Whether swap is accounted for. Version 2 shows it in every group but the root. */
function swapLimit(cgroups: CgroupHost): boolean {
  const memory = controllerDir(placeOf(cgroups, ''), 'memory');
  if (memory === undefined) return false;
  return memory.version === 1 ? existsSync(`${memory.dir}/memory.memsw.limit_in_bytes`) : existsSync('/proc/swaps');
}

/** As `PRETTY_NAME` of os-release(5) has it. */
async function distribution(): Promise<string> {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    if (!existsSync(path)) continue;
    const [, name] = /^PRETTY_NAME=(?:"([^"\n]*)"|.*)$/m.exec(await readFile(path, 'utf8')) ?? [];
    if (name !== undefined) return name;
  }
  return 'Linux';
}
