// Builds gantry-native for one architecture into packages/linux-<arch>/bin-native/.
//
//   node tools/build-native.js x64|arm64
//
// The foreign architecture is linked by the linker that comes with Rust, so that no cross toolchain is needed. It is skipped
// unless GANTRY_ALL_TARGETS=1, since on a developer's machine nobody could run it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, chmodSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { arch as hostArch, argv, env, exit, platform } from 'node:process';

const rustArch = { x64: 'x86_64', arm64: 'aarch64' };
const root = join(import.meta.dirname, '..');
const crate = join(root, 'packages/linux/native');

const arch = argv[2];
if (!Object.hasOwn(rustArch, arch ?? '')) fail(`usage: node tools/build-native.js ${Object.keys(rustArch).join('|')}`);
if (arch !== hostArch && env.GANTRY_ALL_TARGETS !== '1') {
  console.log(`gantry-native for ${arch}: skipped on ${hostArch}; GANTRY_ALL_TARGETS=1 builds it too`);
  exit(0);
}
if (platform !== 'linux') fail('gantry-native is built on Linux');

const target = `${rustArch[arch]}-unknown-linux-musl`;
ensureTarget(target);

const flags = arch === hostArch ? {} : { [`CARGO_TARGET_${target.toUpperCase().replaceAll('-', '_')}_LINKER`]: rustLld() };
run('cargo', ['build', '--release', '--locked', '--target', target], { cwd: crate, env: { ...env, ...flags } });

const built = join(env.CARGO_TARGET_DIR ?? join(crate, 'target'), target, 'release/gantry-native');
const folder = join(root, `packages/linux-${arch}/bin-native`);
mkdirSync(folder, { recursive: true });
const place = join(folder, 'gantry-native');
// Renamed over the old one: that may be running just now, and a running program cannot be written to.
copyFileSync(built, `${place}.new`);
chmodSync(`${place}.new`, 0o755);
renameSync(`${place}.new`, place);
console.log(`gantry-native for ${arch}: ${(statSync(place).size / 1024).toFixed(0)} KiB`);

/** Adds the standard library of a target if this Rust has not got it. */
function ensureTarget(name) {
  const sysroot = output('rustc', ['--print', 'sysroot']);
  if (existsSync(join(sysroot, 'lib/rustlib', name))) return;
  run('rustup', ['target', 'add', name], { cwd: crate });
}

/** The linker in Rust's own installation. */
function rustLld() {
  const rustlib = join(output('rustc', ['--print', 'sysroot']), 'lib/rustlib');
  const found = readdirSync(rustlib)
    .map((host) => join(rustlib, host, 'bin/rust-lld'))
    .find((path) => existsSync(path));
  return found ?? fail('rust-lld is not part of this Rust installation: install Rust by rustup');
}

function output(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8' });
  if (result.error !== undefined || result.status !== 0) fail(`${command} is needed to build gantry-native: install Rust by rustup (https://rustup.rs)`);
  return result.stdout.trim();
}

function run(command, args, options) {
  const result = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (result.error !== undefined) fail(`${command}: ${result.error.message}`);
  if (result.status !== 0) exit(result.status ?? 1);
}

function fail(message) {
  console.error(message);
  exit(1);
}
