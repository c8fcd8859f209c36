#!/bin/sh
# What must not stand in the repository: paths of one machine, hosts of registries, download addresses in lock files.
set -eu
cd "$(dirname "$0")/.."
bad=$(git grep -nIE '/work/(main|shared)|/root/\.|registry\.npmjs\.org|index\.crates\.io|static\.crates\.io|proxy\.golang\.org|deb\.debian\.org' -- . ':!tools/check-words.sh' || true)
lock=$(git grep -nE '"resolved": *"http|tarball: *http' -- '*package-lock.json' '*pnpm-lock.yaml' || true)
if [ -n "$bad$lock" ]; then
  printf '%s\n%s\n' "$bad" "$lock" >&2
  exit 1
fi
