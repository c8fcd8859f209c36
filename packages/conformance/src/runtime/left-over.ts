import { readdir, readFile } from 'node:fs/promises';
import type { Environment } from '../harness/index.ts';

/**
 * What a driver has left on the machine: mounts below its folders, control groups with its instance in their path and
 * something in them, processes that are in such a group or have its folders in their command line. Its zygote, and the
 * parent of its groups, may stay.
 */
export async function leftOver(env: Environment): Promise<string[]> {
  const [mounts, groups, processes] = await Promise.all([env.mounts(), groupsOf(env.instance), processesOf(env)]);
  return [...mounts.map((path) => `mount ${path}`), ...groups.map((path) => `control group ${path}`), ...processes.map((text) => `process ${text}`)];
}

/** Groups below the parents that bear the instance's name. */
export async function groupsOf(instance: string): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] ?? '');
  const parents = (await Promise.all(mounts.map(async (mount) => (await folders(mount)).filter((path) => path.includes(instance))))).flat();
  return (await Promise.all(parents.map(folders))).flat();
}

async function folders(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []); // it may go meanwhile
  return entries.filter((entry) => entry.isDirectory()).map((entry) => `${path}/${entry.name}`);
}

async function processesOf(env: Environment): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const found = await Promise.all(pids.map(async (pid) => {
    const read = async (file: string): Promise<string> => await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => ''); // it may end meanwhile
    const [cmdline, cgroup] = [(await read('cmdline')).replaceAll('\0', ' ').trim(), await read('cgroup')];
    if (cgroup.includes(env.instance)) return [`${pid} in its group: ${cmdline}`];
    return cmdline.includes(env.root) ? [`${pid}: ${cmdline}`] : [];
  }));
  const all = found.flat();
  // The one process that stays: it starts the others.
  const zygote = all.findIndex((text) => text.includes('zygote') && !text.includes('in its group'));
  return zygote === -1 ? all : all.toSpliced(zygote, 1);
}
