import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mountsUnder, testDaemon } from '../support/daemon.ts';
import { cgroupsOf, foldersOf } from '../support/leftovers.ts';
import { because, cannot, missing } from '../support/needs.ts';
import { eventually } from '../support/run.ts';

describe.skipIf(cannot(missing.root, missing.registry))(because('a daemon that is killed', missing.root, missing.registry), () => {
  it('loses no container, no output and no exit code, and leaves nothing behind', { timeout: 120_000 }, async () => {
    await using daemon = await testDaemon({ registry: true });
    const image = '127.0.0.1:5000/busybox';
    await daemon.gantry(['pull', '-q', image]);
    // The first container makes what all have in common.
    expect((await daemon.gantry(['run', '--rm', image, 'true'])).code).toBe(0);
    const before = { cgroups: cgroupsOf(daemon.dataRoot), folders: foldersOf(daemon.dataRoot), mounts: mountsUnder(daemon.dir) };

    const script = 'i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.1; done; exit 9';
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await daemon.gantry(['run', '-d', '--name', `c${i}`, image, 'sh', '-c', script])).stdout.trim());
    const removed = (await daemon.gantry(['run', '-d', '--rm', '--name', 'gone', image, 'sh', '-c', 'sleep 1; exit 3'])).stdout.trim();
    expect(removed).toMatch(/^[0-9a-f]{64}$/);
    const endless = (await daemon.gantry(['run', '-d', '--name', 'endless', image, 'sleep', '1000'])).stdout.trim();

    await daemon.kill();
    // They end while nobody is there to see it.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    await daemon.start();

    const expected = Array.from({ length: 40 }, (_, i) => `line ${i}\n`).join('');
    for (let i = 0; i < 3; i++) {
      expect((await daemon.gantry(['inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', `c${i}`])).stdout).toBe('exited 9\n');
      expect((await daemon.gantry(['logs', `c${i}`])).stdout).toBe(expected);
    }
    expect((await daemon.gantry(['inspect', '-f', '{{.State.Running}}', endless])).stdout).toBe('true\n');
    // What --rm asked for holds for the new daemon too.
    await eventually(() => daemon.gantry(['ps', '-a', '--format', '{{.Names}}']), ({ stdout }) => !stdout.includes('gone'));

    expect((await daemon.gantry(['rm', '-f', 'c0', 'c1', 'c2', 'endless'])).code).toBe(0);
    expect((await daemon.gantry(['ps', '-aq'])).stdout).toBe('');
    await eventually(() => ({ cgroups: cgroupsOf(daemon.dataRoot), mounts: mountsUnder(daemon.dir) }), (now) => now.cgroups.length === before.cgroups.length && now.mounts.length === before.mounts.length);
    expect(foldersOf(daemon.dataRoot)).toEqual(before.folders);
    const names = daemon.engineProcesses().map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
    expect(names).toContain('gantry-zygote');
    expect(names).not.toContain('gantry-keeper');
  });
});
