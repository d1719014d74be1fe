#!/usr/bin/env bash
# Deletes the kind cluster and everything in it. Argument: its name (default: procstream).
set -euo pipefail
command -v kind >/dev/null || { echo "error: kind: not found on PATH" >&2; exit 1; }
kind delete cluster --name "${1:-procstream}"
