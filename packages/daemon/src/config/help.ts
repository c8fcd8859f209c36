import { flags } from './flags.ts';

/** What `gantryd --help` prints. */
export function helpText(): string {
  const rows = flags.map(({ name, short, value, help }) => [`  ${short === undefined ? '   ' : `-${short},`} --${name}${value === null ? '' : ` ${value}`}`, help] as const);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return `Usage: gantryd [OPTIONS]

Runs the container engine and serves the Docker Engine API.

Options:
${rows.map(([left, help]) => left.padEnd(width) + help).join('\n')}

Examples:
  gantryd
  gantryd -H unix:///tmp/g.sock --data-root /tmp/g --exec-root /tmp/g-run --debug
  gantryd --registry-mirror https://mirror.example --insecure-registry registry.local:5000
  DOCKER_HOST=unix:///run/gantry/gantry.sock docker ps
`;
}
