import type { Scenario, Step } from './step.ts';

const docker = (...words: string[]): Step => ({ docker: words });
const get = (path: string): Step => ({ api: ['GET', path] });
const post = (path: string, body?: unknown): Step => ({ api: ['POST', path], ...(body === undefined ? {} : { body }) });
const del = (path: string): Step => ({ api: ['DELETE', path] });
const head = (path: string): Step => ({ api: ['HEAD', path] });
const none = { NetworkMode: 'none' };
/** Without a network, since Gantry's default one has loopback only so far. */
const run = (...words: string[]): Step => docker('run', '--network', 'none', ...words);
const one = (name: string, ...steps: Step[]): Scenario => ({ name, steps });
const created = (body: object): Step => ({ api: ['POST', '/v1.51/containers/create'], body: { Image: 'busybox', HostConfig: none, ...body }, save: 'C' });

const exits = [0, 1, 2, 7, 125, 126, 127, 200, 255].map((code) => one(`run-exit-${code}`, run('--rm', 'busybox', 'sh', '-c', `exit ${code}`)));

const signals = ['TERM', 'KILL', 'INT', 'HUP', 'SEGV', 'ABRT', 'USR1'].map((signal) => one(`run-dies-of-${signal.toLowerCase()}`, run('--rm', 'busybox', 'sh', '-c', `kill -${signal} $$; sleep 1`)));

const users = ['0', '1', 'root', '0:0', '1000:1000', '12345', 'root:0', 'nobody-here', 'root:nogroup-here', '4294967296', ':1'].map((user) => one(`run-user-${user.replace(/\W/g, '_')}`, run('--rm', '-u', user, 'busybox', 'id')));

const badNames = ['a', '-x', '_x', 'x y', 'ok.name-1_2', '/slash', 'ü'].map((name) => one(`name-${encodeURIComponent(name).replace(/\W/g, '_')}`, { api: ['POST', `/v1.51/containers/create?name=${encodeURIComponent(name)}`], body: { Image: 'busybox', HostConfig: none } }));

const badBodies: readonly (readonly [string, string])[] = [
  ['empty', ''], ['text', 'nonsense'], ['array', '[]'], ['null', 'null'], ['number', '5'], ['open', '{'], ['twice', '{}{}'], ['cmd-number', '{"Image":"busybox","Cmd":5}'],
  ['env-object', '{"Image":"busybox","Env":{}}'], ['memory-text', '{"Image":"busybox","HostConfig":{"Memory":"x"}}'], ['no-image', '{"Cmd":["true"]}'],
];
const bodies = badBodies.map(([name, rawBody]) => one(`create-body-${name}`, { api: ['POST', '/v1.51/containers/create'], rawBody }));

const limits: readonly (readonly [string, object])[] = [
  ['memory-small', { Memory: 1000 }], ['memory-swap-less', { Memory: 64 << 20, MemorySwap: 1 << 20 }], ['swap-alone', { MemorySwap: 64 << 20 }], ['cpus-many', { NanoCpus: 1e12 }], ['cpus-and-quota', { NanoCpus: 1e9, CpuQuota: 1000 }],
  ['reservation-more', { Memory: 16 << 20, MemoryReservation: 32 << 20 }], ['quota-small', { CpuQuota: 10 }], ['period-small', { CpuPeriod: 10 }], ['cpuset-bad', { CpusetCpus: 'x' }], ['cpuset-far', { CpusetCpus: '77' }],
  ['blkio-high', { BlkioWeight: 5000 }], ['pids-negative', { PidsLimit: -5 }], ['shm-negative', { ShmSize: -1 }], ['swappiness', { MemorySwappiness: 200 }], ['oom-score', { OomScoreAdj: 5000 }],
];
const badLimits = limits.map(([name, host]) => one(`limit-${name}`, created({ HostConfig: { ...none, ...host } })));

export const scenarios: readonly Scenario[] = [
  ...exits,
  ...signals,
  ...users,
  ...badNames,
  ...bodies,
  ...badLimits,
  one('run-output', run('--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2')),
  one('run-stdin', { docker: ['run', '--rm', '-i', '--network', 'none', 'busybox', 'cat'], input: 'a\nb' }),
  one('run-no-stdin', { docker: ['run', '--rm', '--network', 'none', 'busybox', 'cat'], input: 'ignored' }),
  one('run-not-found', run('--rm', 'busybox', 'no-such-program')),
  one('run-not-found-path', run('--rm', 'busybox', '/no/such/program')),
  one('run-not-executable', run('--rm', 'busybox', '/etc/passwd')),
  one('run-directory', run('--rm', 'busybox', '/etc')),
  one('run-entrypoint', run('--rm', '--entrypoint', 'echo', 'busybox', 'a', 'b')),
  one('run-entrypoint-empty', run('--rm', '--entrypoint', '', 'busybox', 'echo', 'x')),
  one('run-env', run('--rm', '-e', 'A=1', '-e', 'B=', '-e', 'A=2', 'busybox', 'sh', '-c', 'env | grep -v ^HOSTNAME | sort')),
  one('run-env-bad', run('--rm', '-e', '=x', 'busybox', 'true')),
  one('run-workdir', run('--rm', '-w', '/made/here', 'busybox', 'pwd')),
  one('run-workdir-relative', run('--rm', '-w', 'made', 'busybox', 'pwd')),
  one('run-workdir-file', run('--rm', '-w', '/etc/passwd', 'busybox', 'pwd')),
  one('run-hostname', run('--rm', '--hostname', 'box', 'busybox', 'sh', '-c', 'hostname; cat /etc/hostname')),
  one('run-hostname-long', run('--rm', '--hostname', 'x'.repeat(70), 'busybox', 'hostname')),
  one('run-hosts', run('--rm', '--hostname', 'box', 'busybox', 'cat', '/etc/hosts')),
  one('run-caps', run('--rm', 'busybox', 'grep', 'Cap', '/proc/self/status')),
  one('run-caps-add-drop', run('--rm', '--cap-drop', 'ALL', '--cap-add', 'CHOWN', 'busybox', 'grep', 'Cap', '/proc/self/status')),
  one('run-caps-bad', run('--rm', '--cap-add', 'NOPE', 'busybox', 'true')),
  one('run-privileged', run('--rm', '--privileged', 'busybox', 'grep', '-E', 'CapEff|Seccomp:', '/proc/self/status')),
  one('run-seccomp', run('--rm', 'busybox', 'grep', '-E', 'Seccomp|NoNewPrivs', '/proc/self/status')),
  one('run-no-new-privileges', run('--rm', '--security-opt', 'no-new-privileges', 'busybox', 'grep', 'NoNewPrivs', '/proc/self/status')),
  one('run-security-bad', run('--rm', '--security-opt', 'nope=1', 'busybox', 'true')),
  one('run-read-only', run('--rm', '--read-only', 'busybox', 'touch', '/x')),
  one('run-tmpfs', run('--rm', '--tmpfs', '/t:size=1m', 'busybox', 'sh', '-c', 'grep " /t " /proc/mounts | cut -d" " -f1-3')),
  one('run-mounts', run('--rm', 'busybox', 'sh', '-c', "cut -d' ' -f2,3 /proc/mounts | grep -vE '^/sys/fs/cgroup|overlay|/etc/|/sys/devices|thermal' | sort")),
  one('run-dev', run('--rm', 'busybox', 'sh', '-c', 'ls /dev; ls -l /dev/null /dev/zero /dev/random | cut -c1-10')),
  one('run-masked', run('--rm', 'busybox', 'sh', '-c', 'cat /proc/kcore /proc/keys /proc/timer_list | wc -c; ls /proc/acpi /proc/scsi /sys/firmware 2>&1; echo x > /proc/sys/kernel/hostname')),
  one('run-ulimit', run('--rm', '--ulimit', 'nofile=100:200', 'busybox', 'sh', '-c', 'ulimit -n; ulimit -Hn')),
  one('run-ulimit-bad', run('--rm', '--ulimit', 'nofile=300:200', 'busybox', 'true')),
  one('run-sysctl', run('--rm', '--sysctl', 'kernel.msgmax=4096', 'busybox', 'cat', '/proc/sys/kernel/msgmax')),
  one('run-sysctl-bad', run('--rm', '--sysctl', 'kernel.panic=1', 'busybox', 'true')),
  one('run-shm', run('--rm', '--shm-size', '1m', 'busybox', 'sh', '-c', 'df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2')),
  one('run-pids', run('--rm', '--pids-limit', '7', 'busybox', 'sh', '-c', 'cat /sys/fs/cgroup/pids/pids.max')),
  one('run-memory', run('--rm', '--memory', '32m', 'busybox', 'cat', '/sys/fs/cgroup/memory/memory.limit_in_bytes')),
  one('run-cpus', run('--rm', '--cpus', '0.5', 'busybox', 'sh', '-c', 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us')),
  one('run-cpu-shares', run('--rm', '--cpu-shares', '512', 'busybox', 'cat', '/sys/fs/cgroup/cpu/cpu.shares')),
  one('run-group-add', run('--rm', '-u', '1000:1000', '--group-add', '77', 'busybox', 'id', '-G')),
  one('run-oom', run('--name', 'o', '--memory', '16m', 'busybox', 'sh', '-c', 'x=$(head -c 64m /dev/zero | tr "\\0" x); echo no'), docker('inspect', '-f', '{{.State.OOMKilled}} {{.State.ExitCode}}', 'o')),
  one('run-name-taken', run('-d', '--name', 'n', 'busybox', 'sleep', '100'), run('-d', '--name', 'n', 'busybox', 'true')),
  one('run-missing-image', run('--rm', '--pull', 'never', 'missing-image:1', 'true')),
  one('run-bad-reference', run('--rm', 'UPPER/case', 'true')),
  one('run-network-missing', docker('run', '--rm', '--network', 'no-such-network', 'busybox', 'true')),
  one('run-host-network', docker('run', '--rm', '--network', 'host', 'busybox', 'sh', '-c', 'test -e /sys/class/net/lo && echo yes')),
  one('detached', run('-d', '--name', 'd', 'busybox', 'sh', '-c', 'echo one; echo two >&2; sleep 100'), docker('ps', '--format', '{{.Names}} {{.Image}} {{.Command}} {{.Status}} {{.State}}'), docker('logs', 'd'), docker('stop', '-t', '0', 'd'), docker('ps', '-a', '--format', '{{.Names}} {{.Status}}'), docker('rm', 'd')),
  one('logs-options', run('--name', 'l', 'busybox', 'sh', '-c', 'for i in 1 2 3 4 5; do echo $i; done'), docker('logs', '--tail', '2', 'l'), docker('logs', '--tail', '0', 'l'), docker('logs', '--tail', 'x', 'l'), docker('logs', '-t', '--tail', '1', 'l'), docker('logs', '--since', '2001-01-01T00:00:00Z', 'l'), docker('logs', '--until', '2001-01-01T00:00:00Z', 'l')),
  one('logs-missing', docker('logs', 'nobody')),
  one('logs-none', run('--name', 'l', '--log-driver', 'none', 'busybox', 'echo', 'x'), docker('logs', 'l')),
  one('logs-bad-driver', run('--rm', '--log-driver', 'nope', 'busybox', 'true')),
  one('logs-bad-option', run('--rm', '--log-opt', 'nope=1', 'busybox', 'true')),
  one('start-again', run('--name', 's', 'busybox', 'sh', '-c', 'echo hi; exit 3'), docker('start', '-a', 's'), docker('logs', 's'), docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}', 's')),
  one('start-running', run('-d', '--name', 's', 'busybox', 'sleep', '100'), post('/v1.51/containers/s/start')),
  one('stop-stopped', run('--name', 's', 'busybox', 'true'), post('/v1.51/containers/s/stop'), docker('stop', 's')),
  one('stop-signal', run('-d', '--name', 's', '--stop-signal', 'USR1', 'busybox', 'sh', '-c', 'trap "exit 5" USR1; while :; do sleep 0.05; done'), docker('stop', 's'), docker('inspect', '-f', '{{.State.ExitCode}}', 's')),
  one('stop-bad-timeout', run('-d', '--name', 's', 'busybox', 'sleep', '100'), post('/v1.51/containers/s/stop?t=x')),
  one('kill', run('-d', '--name', 'k', 'busybox', 'sleep', '100'), docker('kill', 'k'), docker('kill', 'k'), docker('inspect', '-f', '{{.State.ExitCode}}', 'k')),
  one('kill-bad-signal', run('-d', '--name', 'k', 'busybox', 'sleep', '100'), docker('kill', '-s', 'NOPE', 'k'), post('/v1.51/containers/k/kill?signal=99')),
  one('rm-running', run('-d', '--name', 'r', 'busybox', 'sleep', '100'), docker('rm', 'r'), docker('rm', '-f', 'r'), docker('rm', '-f', 'r'), docker('rm', 'r')),
  one('wait', run('-d', '--name', 'w', 'busybox', 'sh', '-c', 'sleep 0.2; exit 6'), docker('wait', 'w'), post('/v1.51/containers/w/wait'), post('/v1.51/containers/w/wait?condition=nope'), post('/v1.51/containers/nobody/wait')),
  one('rename', run('-d', '--name', 'a', 'busybox', 'sleep', '100'), docker('rename', 'a', 'b'), docker('inspect', '-f', '{{.Name}}', 'b'), docker('rename', 'b', 'b'), docker('rename', 'nobody', 'c'), docker('rename', 'b', '-x')),
  one('missing', docker('inspect', 'nobody'), get('/v1.51/containers/nobody/json'), del('/v1.51/containers/nobody'), post('/v1.51/containers/nobody/start'), post('/v1.51/containers/nobody/stop'), post('/v1.51/containers/nobody/kill'), get('/v1.51/containers/nobody/logs?stdout=1'), post('/v1.51/containers/nobody/rename?name=x')),
  one('inspect-created', created({ Cmd: ['echo', 'x'], Env: ['A=1'], Labels: { k: 'v' }, User: '1', WorkingDir: '/w', Hostname: 'box' }), get('/v1.51/containers/$C/json')),
  one('inspect-exited', run('--name', 'i', 'busybox', 'sh', '-c', 'exit 4'), get('/v1.51/containers/i/json')),
  one('inspect-running', run('-d', '--name', 'i', '--memory', '32m', '--label', 'a=b', 'busybox', 'sleep', '100'), get('/v1.51/containers/i/json')),
  one('inspect-1-24', run('--name', 'i', 'busybox', 'true'), get('/v1.44/containers/i/json')),
  one('list', run('--name', 'x', '--label', 'a=b', 'busybox', 'true'), get('/v1.51/containers/json'), get('/v1.51/containers/json?all=1'), get('/v1.51/containers/json?limit=1')),
  one('list-filters', run('--name', 'x', '--label', 'a=b', 'busybox', 'sh', '-c', 'exit 3'), run('-d', '--name', 'y', 'busybox', 'sleep', '100'), ...['name=x', 'label=a', 'label=a=c', 'status=running', 'exited=3', 'ancestor=busybox', 'id=zzz', 'nope=1', 'status=nope', 'exited=x'].map((filter) => docker('ps', '-a', '--filter', filter, '--format', '{{.Names}}'))),
  one('list-bad-filters', get('/v1.51/containers/json?filters=nonsense'), get('/v1.51/containers/json?filters=[]'), get('/v1.51/containers/json?limit=x')),
  one('ambiguous-prefix', created({}), get('/v1.51/containers/%20/json')),
  one('ping', get('/_ping'), head('/_ping')),
  one('versions', get('/v1.23/version'), get('/v1.99/version'), get('/v1.x/version'), get('/v2.0/_ping')),
  one('no-such-page', get('/v1.51/nope'), post('/v1.51/containers'), get('/'), del('/v1.51/_ping')),
  one('image-missing', get('/v1.51/images/nobody/json'), del('/v1.51/images/nobody'), get('/v1.51/images/nobody/history'), docker('rmi', 'nobody'), docker('image', 'inspect', 'nobody')),
  one('image-bad-name', get('/v1.51/images/UPPER/json'), post('/v1.51/images/busybox/tag?repo=UPPER'), post('/v1.51/images/busybox/tag?repo=ok&tag=b@d')),
  one('image-tag', docker('tag', 'busybox', 'parity/tagged:1'), docker('images', '--format', '{{.Repository}}:{{.Tag}}', 'parity/tagged'), docker('rmi', 'parity/tagged:1')),
  one('image-in-use', docker('tag', 'busybox', 'parity/used:1'), run('--name', 'u', 'parity/used:1', 'true'), docker('rmi', 'parity/used:1'), docker('rm', 'u'), docker('rmi', 'parity/used:1')),
  one('image-history', docker('history', '--format', '{{.CreatedBy}} {{.Size}}', 'busybox')),
  one('pull-bad', docker('pull', 'UPPER'), docker('pull', '127.0.0.1:5000/nothing:1'), docker('pull', '127.0.0.1:1/refused'), docker('pull', '127.0.0.1:5000/busybox:no-such-tag')),
  one('pull-again', docker('pull', '127.0.0.1:5000/busybox')),
  one('networks', docker('network', 'ls', '--filter', 'name=none', '--format', '{{.Name}} {{.Driver}} {{.Scope}}'), get('/v1.51/networks/nobody')),
  one('volumes', get('/v1.51/volumes'), get('/v1.51/volumes/nobody')),
  one('swarm', get('/v1.51/swarm'), get('/v1.51/services'), get('/v1.51/nodes'), post('/v1.51/swarm/leave')),
  one('plugins', get('/v1.51/plugins'), get('/v1.51/plugins/nobody/json')),
  one('attach-twice', run('-d', '-i', '--name', 'a', 'busybox', 'cat'), docker('attach', '--no-stdin', '--detach-keys', 'nope nope', 'a')),
  one('top', run('-d', '--name', 't', 'busybox', 'sleep', '100'), docker('top', 't', '-o', 'args')),
];
