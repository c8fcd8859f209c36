import { strict as assert } from 'node:assert';
import { cp, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { OciSpec } from '@gantry/oci';
import type { Case } from '../harness/index.ts';
import { rejects, type RuntimeFixture } from './fixture.ts';

type Cases = readonly Omit<Case<RuntimeFixture>, 'suite'>[];

const namespaces = ['mnt', 'net', 'ipc', 'uts', 'pid', 'cgroup'];

/** Fields of `/proc/self/status`. */
async function status(t: RuntimeFixture, o: Parameters<RuntimeFixture['run']>[1] = {}): Promise<Readonly<Record<string, string>>> {
  const { out } = await t.run(['cat', '/proc/self/status'], o);
  return Object.fromEntries(out.split('\n').map((line) => line.split(/:\s*/) as [string, string]));
}

/** What a container sees, and what it does not. */
export const isolation: Cases = [
  {
    name: 'the program is PID 1, and sees its own processes only',
    async run(t) {
      const { out } = await t.run('echo $$; ls /proc | grep -c "^[0-9]"');
      const [pid, processes] = out.trim().split('\n').map(Number);
      assert.equal(pid, 1);
      assert.ok((processes ?? 100) <= 4, `${processes} processes`);
    },
  },
  {
    name: 'every namespace is another than the host\'s',
    async run(t) {
      const { out } = await t.run(`for ns in ${namespaces.join(' ')}; do readlink /proc/self/ns/$ns; done`);
      const host = await Promise.all(namespaces.map((ns) => readlink(`/proc/self/ns/${ns}`)));
      out.trim().split('\n').forEach((inside, n) => assert.notEqual(inside, host[n]));
    },
  },
  {
    name: 'a namespace that the sandbox does not have is the host\'s',
    async run(t) {
      const shared = ['network', 'uts'];
      const { out } = await t.run('readlink /proc/self/ns/net; readlink /proc/self/ns/uts; readlink /proc/self/ns/pid', {
        sandbox: { namespaces: ['ipc', 'pid', 'cgroup'] },
        spec: (spec) => ({ ...spec, linux: { ...spec.linux, namespaces: spec.linux?.namespaces?.filter(({ type }) => !shared.includes(type)) ?? [] } }),
      });
      const [net, uts, pid] = out.trim().split('\n');
      assert.deepEqual([net, uts], [await readlink('/proc/self/ns/net'), await readlink('/proc/self/ns/uts')]);
      assert.notEqual(pid, await readlink('/proc/self/ns/pid'));
    },
  },
  {
    name: 'the hostname is the sandbox\'s, unless the specification has one',
    async run(t) {
      assert.equal((await t.run('hostname')).out, 'sandbox-host\n');
      assert.equal((await t.run('hostname', { spec: (spec) => ({ ...spec, hostname: 'of-the-spec' }) })).out, 'of-the-spec\n');
    },
  },
  {
    name: 'a network namespace of its own has a loopback device that is up, and nothing else',
    async run(t) {
      const { out } = await t.run('ls /sys/class/net; ping -c 1 -W 1 127.0.0.1 > /dev/null && echo up');
      assert.equal(out, 'lo\nup\n');
    },
  },
  {
    name: 'exactly the capabilities that were asked for, and none to inherit',
    async run(t) {
      const { CapBnd, CapPrm, CapEff, CapInh, CapAmb } = await status(t);
      assert.deepEqual([CapBnd, CapPrm, CapEff], Array(3).fill('00000000a80425fb'));
      assert.deepEqual([CapInh, CapAmb], Array(2).fill('0000000000000000'));
    },
  },
  {
    name: 'another user has capabilities in the bounding set only',
    async run(t) {
      const fields = await status(t, { process: { user: { uid: 1000, gid: 1000 } } });
      assert.equal(fields['CapBnd'], '00000000a80425fb');
      for (const set of ['CapPrm', 'CapEff', 'CapInh', 'CapAmb']) assert.equal(fields[set], '0000000000000000', set);
    },
  },
  {
    name: 'no capabilities at all without any in the specification',
    async run(t) {
      const fields = await status(t, { process: { capabilities: {} } });
      for (const set of ['CapBnd', 'CapPrm', 'CapEff', 'CapInh', 'CapAmb']) assert.equal(fields[set], '0000000000000000', set);
    },
  },
  {
    name: 'no_new_privs is set when it was asked for',
    async run(t) {
      assert.equal((await status(t, { process: { noNewPrivileges: true } }))['NoNewPrivs'], '1');
      assert.equal((await status(t))['NoNewPrivs'], '0');
    },
  },
  {
    name: 'a seccomp filter works, in the program and in execs',
    async run(t) {
      const spec = (base: OciSpec): OciSpec => ({
        ...base,
        linux: { ...base.linux, seccomp: { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['sethostname'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }, { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 122 }] } },
      });
      const test = 'mkdir /tmp/d; grep "^Seccomp:" /proc/self/status';
      const id = await t.start(`${test}; sleep 1000`, { spec });
      const exec = await t.exec(id, test);
      const first = await t.run(test, { spec });
      for (const { out, err } of [exec, first]) {
        assert.match(err, /[Qq]uota exceeded/);
        assert.match(out, /^Seccomp:\t2\n$/);
      }
    },
  },
  {
    name: 'an exec has no more rights than it asks for',
    async run(t) {
      const id = await t.start('sleep 1000', { process: { noNewPrivileges: true } });
      const { out } = await t.exec(id, 'grep -E "^(Cap|NoNewPrivs)" /proc/self/status', { process: { capabilities: { bounding: ['CAP_CHOWN'], permitted: ['CAP_CHOWN'], effective: ['CAP_CHOWN'] }, noNewPrivileges: true } });
      assert.deepEqual(out.trim().split('\n').map((line) => line.replace(/\s+/, ' ')), [
        'CapInh: 0000000000000000', 'CapPrm: 0000000000000001', 'CapEff: 0000000000000001', 'CapBnd: 0000000000000001', 'CapAmb: 0000000000000000', 'NoNewPrivs: 1',
      ]);
    },
  },
  {
    name: 'masked paths are empty, read-only paths refuse writes',
    async run(t) {
      const { out } = await t.run('cat /proc/kcore /proc/keys /proc/timer_list /proc/interrupts | wc -c; ls -A /sys/firmware /proc/acpi /proc/scsi 2>/dev/null | grep -v ":$" | grep -c .; for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/irq/default_smp_affinity; do test -e $f || continue; (echo x > $f) 2>&1 | grep -q "Read-only file system" || echo writable $f; done');
      assert.equal(out, '0\n0\n');
    },
  },
  {
    name: 'the root is read-only when it was asked for, and else is not',
    async run(t) {
      const { err } = await t.run('touch /x');
      assert.match(err, /Read-only file system/);
      const rootfs = join(t.env.root, 'own');
      await cp(t.subject.rootfs, rootfs, { recursive: true, verbatimSymlinks: true });
      const { out, exit } = await t.run('echo written > /x; cat /x', { rootfs, spec: (spec) => ({ ...spec, root: { path: rootfs } }) });
      assert.deepEqual([out, exit.code], ['written\n', 0]);
      assert.equal(await readFile(join(rootfs, 'x'), 'utf8'), 'written\n');
    },
  },
  {
    name: '/sys and the control groups are read-only, and show the container\'s own groups only',
    async run(t) {
      const { out } = await t.run('find /sys/fs/cgroup -name cgroup.procs | head -1 | while read f; do (echo 1 > $f) 2>&1 | grep -o "Read-only file system"; done; find /sys/fs/cgroup -name release_agent; find /sys/fs/cgroup -mindepth 2 -type d; (touch /sys/x) 2>&1 | grep -o "Read-only file system"; cat /proc/self/cgroup | cut -d: -f3 | sort -u');
      assert.equal(out, 'Read-only file system\nRead-only file system\n/\n');
    },
  },
  {
    name: 'no mount of the host is visible, and no descriptor is left open',
    async run(t) {
      const { out } = await t.run('cut -d" " -f5 /proc/self/mountinfo | sort -u; echo --; ls /proc/self/fd');
      const [mounts = '', fds] = out.split('--\n');
      const unexpected = mounts.trim().split('\n').filter((path) => path !== '/' && !/^\/(proc|dev|sys|tmp)(\/|$)/.test(path));
      assert.deepEqual(unexpected, []);
      assert.deepEqual(fds?.trim().split('\n'), ['0', '1', '2', '3']); // 3 is the folder that ls reads
    },
  },
  {
    name: '/dev has the nodes and links that programs expect',
    async run(t) {
      const { out } = await t.run('for n in null zero full random urandom tty; do stat -c "%n %t:%T %a %u" /dev/$n; done; for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done; stat -c "%a" /dev/pts/ptmx; df /dev/shm | tail -1 | awk "{print \\$2}"');
      assert.deepEqual(out.trim().split('\n'), [
        '/dev/null 1:3 666 0', '/dev/zero 1:5 666 0', '/dev/full 1:7 666 0', '/dev/random 1:8 666 0', '/dev/urandom 1:9 666 0', '/dev/tty 5:0 666 0',
        '/proc/self/fd', '/proc/self/fd/0', '/proc/self/fd/1', '/proc/self/fd/2', 'pts/ptmx', '666', '65536',
      ]);
    },
  },
  {
    name: 'sysctls of the sandbox and of the specification are set, the host\'s are refused',
    async run(t) {
      const read = 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_unprivileged_port_start';
      const { out } = await t.run(read, {
        sandbox: { sysctls: { 'net.ipv4.ip_forward': '1', 'kernel.msgmax': '4096' } },
        spec: (spec) => ({ ...spec, linux: { ...spec.linux, sysctl: { 'kernel.msgmax': '5000', 'net.ipv4.ip_unprivileged_port_start': '0' } } }),
      });
      assert.equal(out, '1\n5000\n0\n');
      await rejects('invalid', t.sandbox({ sysctls: { 'kernel.core_pattern': '|/bin/sh' } }), 'openSandbox() with a sysctl of the host');
      await rejects('invalid', t.create('true', { spec: (spec) => ({ ...spec, linux: { ...spec.linux, sysctl: { 'vm.swappiness': '1' } } }) }), 'create() with a sysctl of the host');
    },
  },
  {
    name: 'bind mounts show what they should, read-only if asked',
    async run(t) {
      const { out, err } = await t.run('ls /tmp/mnt/bin | grep -cx busybox; cat /etc/group; touch /tmp/mnt/x; echo >> /etc/group', {
        spec: (spec) => ({
          ...spec,
          mounts: [
            ...(spec.mounts ?? []),
            { destination: '/tmp/mnt', type: 'bind', source: t.subject.rootfs, options: ['rbind', 'ro'] },
            { destination: '/etc/group', type: 'bind', source: `${t.subject.rootfs}/etc/passwd`, options: ['bind', 'ro'] },
          ],
        }),
      });
      assert.equal(out, '1\nroot:x:0:0:root:/root:/bin/sh\n');
      assert.equal(err.match(/Read-only file system/g)?.length, 2, err);
    },
  },
  {
    name: 'a mount whose source is missing is invalid',
    async run(t) {
      await rejects('invalid', t.create('true', { spec: (spec) => ({ ...spec, mounts: [{ destination: '/tmp', type: 'bind', source: '/nonexistent/x' }] }) }), 'create()');
    },
  },
  {
    name: 'nothing is mounted over /proc',
    async run(t) {
      for (const destination of ['/proc', '/proc/sys', '/tmp/../proc/self']) {
        await rejects('invalid', t.create('true', { spec: (spec) => ({ ...spec, mounts: [...(spec.mounts ?? []), { destination, type: 'tmpfs', source: 'tmpfs' }] }) }), `create() with a mount at ${destination}`);
      }
    },
  },
  {
    name: 'a working directory outside of the root is refused',
    async run(t) {
      for (const fd of [3, 5, 7, 9]) {
        const id = await t.create('pwd; ls', { process: { cwd: `/proc/self/fd/${fd}` } }).catch(() => undefined);
        if (id === undefined) continue;
        const started = await t.driver.start(id).then(() => true, () => false);
        if (started) assert.notEqual((await t.driver.wait(id)).code, 0, `it ran in descriptor ${fd}`);
      }
    },
  },
];
