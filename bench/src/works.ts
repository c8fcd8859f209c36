import { spawn } from 'node:child_process';
import { createClient } from '@gantry/client';
import type { Subject } from './engines.ts';

/** One thing that is measured. */
export interface Work {
  readonly name: string;
  readonly about: string;
  readonly runs: number;
  /** Not measured, once before all runs. */
  prepare?(subject: Subject): Promise<void>;
  once(subject: Subject): Promise<void>;
  /** Not measured, once at the end. */
  clean?(subject: Subject): Promise<void>;
}

const image = '127.0.0.1:5000/busybox';

function docker(subject: Subject, ...args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('docker', args, { env: { ...process.env, DOCKER_HOST: subject.host }, stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${subject.name}: docker ${args.join(' ')}: ${errors}`));
    });
  });
}

async function pulled(subject: Subject): Promise<void> {
  await docker(subject, 'pull', '-q', image);
}

export const works: readonly Work[] = [
  {
    name: 'run-none',
    about: 'docker run --rm --network none busybox true',
    runs: 100,
    prepare: pulled,
    once: (subject) => docker(subject, 'run', '--rm', '--network', 'none', image, 'true'),
  },
  {
    name: 'run',
    about: 'docker run --rm busybox true (Gantry: default network, loopback only so far)',
    runs: 100,
    prepare: pulled,
    once: (subject) => docker(subject, 'run', '--rm', image, 'true'),
  },
  {
    name: 'api-run-none',
    about: 'create, start, wait, remove over the socket, --network none',
    runs: 100,
    prepare: pulled,
    once: async (subject) => {
      using client = createClient({ host: subject.host });
      const { Id } = await client.containers.create({ Image: image, Cmd: ['true'], HostConfig: { NetworkMode: 'none' } });
      const { exit } = await client.containers.wait(Id, 'next-exit');
      await client.containers.start(Id);
      await exit;
      await client.containers.remove(Id);
    },
  },
  {
    name: 'version',
    about: 'docker version: the floor that the command itself sets',
    runs: 50,
    once: (subject) => docker(subject, 'version'),
  },
  {
    name: 'stop-rm',
    about: 'docker stop and rm of a container that ends on TERM',
    runs: 20,
    prepare: pulled,
    once: async (subject) => {
      await docker(subject, 'run', '-d', '--network', 'none', '--name', 'bench-stop', image, 'sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.02; done');
      await docker(subject, 'stop', 'bench-stop');
      await docker(subject, 'rm', 'bench-stop');
    },
  },
  {
    name: 'ps',
    about: 'GET /containers/json with 20 stopped containers',
    runs: 100,
    prepare: async (subject) => {
      await pulled(subject);
      using client = createClient({ host: subject.host });
      for (let i = 0; i < 20; i++) await client.containers.create({ Image: image, Cmd: ['true'], Labels: { bench: 'ps' } });
    },
    once: async (subject) => {
      using client = createClient({ host: subject.host });
      await client.containers.list({ all: true });
    },
    clean: async (subject) => {
      using client = createClient({ host: subject.host });
      for (const { Id } of await client.containers.list({ all: true, filters: { label: ['bench=ps'] } })) await client.containers.remove(Id, { force: true });
    },
  },
  {
    name: 'pull',
    about: 'docker pull of debian:12 (206 MB, 6,800 files, one gzip layer) from a registry on loopback, removed before',
    runs: 3,
    once: async (subject) => {
      await docker(subject, 'pull', '-q', '127.0.0.1:5000/debian:12');
    },
  },
];
