#!/bin/sh
# `npm test`, on any Node + npm: sets up what is missing, then hands over to run.ts on the project's own Node.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
. "$root/tools/bootstrap.sh"
bootstrap
need_cargo
exec node "$root/tools/test/run.ts" "$@"
