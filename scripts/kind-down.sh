#!/usr/bin/env bash
# Deletes the kind cluster with everything in it.
set -euo pipefail
command -v kind >/dev/null || { echo "error: kind: not found on PATH" >&2; exit 1; }
kind delete cluster --name "${1:-procstream}"
