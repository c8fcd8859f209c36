import { GantryError } from '@gantry/errors';

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
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part))) {
    throw new GantryError('invalid', 'bad-platform', `invalid platform ${JSON.stringify(text)}: expected os[/arch[/variant]]`);
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

/** arm64 means v8 and arm means v7 where the variant is left out, as containerd normalises them. */
function normalise(p: Platform): readonly [string, string, string] {
  const variant = p.variant ?? '';
  if (p.architecture === 'arm64') return [p.os, 'arm64', variant === 'v8' || variant === '8' ? '' : variant];
  if (p.architecture === 'arm') return [p.os, 'arm', variant === '' ? 'v7' : variant];
  return [p.os, p.architecture, variant];
}

export function samePlatform(a: Platform, b: Platform): boolean {
  return normalise(a).join('/') === normalise(b).join('/');
}

/** The first descriptor for `want`: an exact match, else (32-bit arm) the highest older variant. */
export function pickPlatform<T extends { readonly platform?: Platform }>(items: readonly T[], want: Platform): T | undefined {
  const exact = items.find((item) => item.platform !== undefined && samePlatform(item.platform, want));
  if (exact !== undefined || want.architecture !== 'arm') return exact;
  const level = (p: Platform): number => Number(normalise(p)[2].slice(1));
  return items
    .filter((item) => item.platform?.os === want.os && item.platform.architecture === 'arm' && level(item.platform) <= level(want))
    .sort((a, b) => (b.platform === undefined || a.platform === undefined ? 0 : level(b.platform) - level(a.platform)))[0];
}
