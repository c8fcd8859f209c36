import { access, constants, readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { arch as machineArch, platform as machinePlatform } from 'node:process';
import { fileURLToPath } from 'node:url';
import { GantryError } from '@gantry/errors';

/** Architectures that a binary is published for, as Node names them, and as Rust does. */
const targets: Readonly<Record<string, string>> = {
  x64: 'x86_64-unknown-linux-musl',
  arm64: 'aarch64-unknown-linux-musl',
};

/**
 * The path of `gantry-native`: that of the platform package, or, in a checkout, what cargo has built.
 *
 * @throws GantryError unavailable `native-binary-missing`: it says what to do.
 */
export async function findBinary(platform: string = machinePlatform, arch: string = machineArch): Promise<string> {
  const target = targets[arch];
  if (platform !== 'linux' || target === undefined) {
    throw new GantryError('unavailable', 'native-binary-missing', `Containers run on Linux on x64 or arm64, and this is ${platform} on ${arch}: use a machine or a virtual machine of that kind`, { details: { platform, arch } });
  }
  const name = `@gantry/linux-${arch}`;
  const candidates: string[] = [];
  try {
    candidates.push(createRequire(import.meta.url).resolve(`${name}/gantry-native`));
  } catch {
    // Not installed: an optional dependency may be left out. A checkout has the next ones.
  }
  for (const build of ['release', 'debug']) {
    candidates.push(fileURLToPath(new URL(`../native/target/${target}/${build}/gantry-native`, import.meta.url)));
  }
  for (const path of candidates) {
    if (await isExecutable(path)) return path;
  }
  throw new GantryError(
    'unavailable',
    'native-binary-missing',
    `The program gantry-native is not there: install ${name} (it is an optional dependency of @gantry/linux), or in a checkout run: node tools/build-native.js ${arch}`,
    { details: { candidates } },
  );
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Identifies a binary by its bytes. */
export async function buildOf(binary: string): Promise<string> {
  try {
    return createHash('sha256').update(await readFile(binary)).digest('hex').slice(0, 16);
  } catch (cause) {
    throw new GantryError('unavailable', 'native-binary-missing', `Cannot read ${binary}: give the path of gantry-native`, { cause, details: { candidates: [binary] } });
  }
}
