#!/usr/bin/env bash
# Compiles requirements/*.txt: every version pinned, every file hashed, no registry address recorded.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
members=(common producer flink_job lineage local)
own=(); for name in common producer job lineage local; do own+=(--no-emit-package "procstream-$name"); done
"$uv" pip compile --quiet --python-version 3.11 --generate-hashes --no-annotate "${own[@]}" "$@" \
  --extra flink --custom-compile-command scripts/lock.sh \
  "${members[@]/%//pyproject.toml}" requirements/dev.in --output-file requirements/dev.txt
