# Sourced by ./gantry and ./tools/dev: brings Node 24, pnpm and the dependencies to a machine with any Node + npm, and puts
# them first on PATH. With nothing to do it costs two `cmp`. Expects $root.
boot=$root/tools/bootstrap
case $(uname -sm) in
  'Linux x86_64') arch=x64 ;;
  'Linux aarch64') arch=arm64 ;;
  *) echo "gantry: this builds on Linux x86_64 and aarch64 only, not on $(uname -sm)." >&2; exit 1 ;;
esac

say() { echo "gantry: $*" >&2; }

need() {
  command -v "$1" >/dev/null 2>&1 || { say "$1 is missing: $2"; exit 1; }
}

# The second of two set-ups started at once waits for the first.
locked() {
  mkdir -p "$root/.cache"
  if command -v flock >/dev/null 2>&1; then
    exec 9>"$root/.cache/setup.lock"
    flock 9
  fi
}

unlocked() { exec 9>&-; }

bootstrap() {
  node_stamp=$boot/node_modules/.stamp
  pnpm_stamp=$root/node_modules/.gantry-stamp
  if ! cmp -s "$boot/package-lock.json" "$node_stamp" 2>/dev/null || ! cmp -s "$root/pnpm-lock.yaml" "$pnpm_stamp" 2>/dev/null; then
    need npm 'install Node.js 20 or newer, which brings it.'
    locked
    if ! cmp -s "$boot/package-lock.json" "$node_stamp" 2>/dev/null; then
      say 'fetching Node 24 and pnpm (once)'
      npm ci --prefix "$boot" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
      cp "$boot/package-lock.json" "$node_stamp"
    fi
    PATH=$boot/node_modules/@pnpm/exe.linux-$arch:$boot/node_modules/node-linux-$arch/bin:$PATH
    if ! cmp -s "$root/pnpm-lock.yaml" "$pnpm_stamp" 2>/dev/null; then
      say 'installing the dependencies (once)'
      (cd "$root" && pnpm install --frozen-lockfile --reporter=append-only) >&2
      cp "$root/pnpm-lock.yaml" "$pnpm_stamp"
    fi
    unlocked
  fi
  export PATH="$root/node_modules/.bin:$boot/node_modules/@pnpm/exe.linux-$arch:$boot/node_modules/node-linux-$arch/bin:$PATH"
  export TURBO_TELEMETRY_DISABLED=1 DO_NOT_TRACK=1 NO_UPDATE_NOTIFIER=1
}

# Rust is only needed to build: a platform package brings the binary to those who install from npm.
need_cargo() {
  command -v cargo >/dev/null 2>&1 || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  need cargo 'install Rust with rustup (https://rustup.rs), then run this again.'
}
