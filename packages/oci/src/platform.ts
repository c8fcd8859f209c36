import { GantryError } from '@gantry/errors';
import { quoted } from './text.ts';

/** OCI image spec, image index, `platform`: GOOS and GOARCH names. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386', riscv64: 'riscv64', s390x: 's390x', ppc64: 'ppc64le' };
const aliases: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ['amd64'], 'x86-64': ['amd64'], aarch64: ['arm64'], armhf: ['arm', 'v7'], armel: ['arm', 'v6'], i386: ['386'],
};

/** The platform of this machine's containers. */
export function hostPlatform(): Platform {
  return { os: 'linux', architecture: architectures[process.arch] ?? process.arch };
}

/** `os`, `os/arch`, `os/arch/variant` or `arch`, as Docker's `--platform` takes them. */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/');
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9][a-z0-9_.-]*$/.test(part))) {
    throw new GantryError('invalid', 'bad-platform', `invalid platform ${quoted(text)}: expected os[/arch[/variant]]`);
  }
  const host = hostPlatform();
  const [first = '', second, variant] = parts;
  if (parts.length === 1 && first !== 'linux') {
    const [architecture, implied] = aliases[first] ?? [first];
    return { os: 'linux', architecture, ...(implied === undefined ? {} : { variant: implied }) };
  }
  const [architecture, implied] = second === undefined ? [host.architecture] : (aliases[second] ?? [second]);
  const v = variant ?? implied;
  return { os: first, architecture, ...(v === undefined ? {} : { variant: v }) };
}

export function formatPlatform(p: Platform): string {
  return [p.os, p.architecture, ...(p.variant === undefined || p.variant === '' ? [] : [p.variant])].join('/');
}

/** arm64 means v8, arm v7 and amd64 v1 where the variant is left out, as containerd normalises them. */
const defaultVariants: Readonly<Record<string, string>> = { amd64: 'v1', arm: 'v7', arm64: 'v8' };

function variantOf(p: Platform): string {
  const variant = p.variant ?? '';
  const fallback = defaultVariants[p.architecture];
  if (fallback === undefined) return variant;
  if (variant === '') return fallback;
  return /^\d/.test(variant) ? `v${variant}` : variant;
}

export function samePlatform(a: Platform, b: Platform): boolean {
  return a.os === b.os && a.architecture === b.architecture && variantOf(a) === variantOf(b);
}

const versions = (architecture: string, from: number, to: number): Omit<Platform, 'os'>[] =>
  Array.from({ length: Math.max(0, from - to + 1) }, (_, i) => ({ architecture, variant: `v${from - i}` }));

/** What a machine of this platform can run, best first: itself, its older variants, and the 32-bit kin of a 64-bit one. */
function runnable(want: Platform): readonly Omit<Platform, 'os'>[] {
  const level = Number(variantOf(want).slice(1));
  if (want.architecture === 'amd64') return [...versions('amd64', level, 1), { architecture: '386' }];
  if (want.architecture === 'arm') return versions('arm', level, 5);
  // 32-bit code is optional from arm64 v9 on: only what asks for v8 gets it.
  if (want.architecture === 'arm64') return [...versions('arm64', level, 8), ...(level === 8 ? versions('arm', 8, 5) : [])];
  return [];
}

/** The first descriptor for `want`: an exact match, else the best that a machine of that platform can run. */
export function pickPlatform<T extends { readonly platform?: Platform | undefined }>(items: readonly T[], want: Platform): T | undefined {
  for (const candidate of [want, ...runnable(want).map((p) => ({ os: want.os, ...p }))]) {
    const found = items.find((item) => item.platform !== undefined && samePlatform(item.platform, candidate));
    if (found !== undefined) return found;
  }
  return undefined;
}
