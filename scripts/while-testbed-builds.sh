#!/usr/bin/env bash
# while-testbed-builds.sh COMMAND...: run a command while the programs and images of the end-to-end tests are built
# in the background. The build uses only CPU time that nothing else wants. What it has not finished when the command
# needs it, the command waits for or builds itself; so a failure here is reported there.
set -euo pipefail
cd "$(dirname "$0")/.."
log=${XDG_CACHE_HOME:-$HOME/.cache}/procstream/testbed-build.log
if [[ $(id -u) == 0 && -z ${KUBECONFIG:-} ]]; then
  mkdir -p "${log%/*}"
  setsid nice -n 19 .venv/bin/python -m testbed build >"$log" 2>&1 </dev/null &
  trap 'kill -- -$! 2>/dev/null || true' EXIT
fi
"$@"
