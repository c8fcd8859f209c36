import { readFile } from 'node:fs/promises';

/** Mount points below a folder, in the order in which they were mounted (proc_pid_mountinfo(5), field 5; names are escaped as octal). */
export async function mountsBelow(folder: string): Promise<string[]> {
  return parseMountPoints(await readFile('/proc/self/mountinfo', 'utf8')).filter((path) => path.startsWith(`${folder}/`));
}

export function parseMountPoints(mountinfo: string): string[] {
  return mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((field) => field !== undefined)
    .map((field) => field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))));
}
