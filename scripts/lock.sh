#!/usr/bin/env bash
# Compiles requirements/*.txt: every version is pinned, every file has a hash, and no registry address is recorded.
# ONLY="producer build" compiles only these. Arguments such as --upgrade are passed to `uv pip compile`.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
members=(common producer operator flink_job lineage local)
own=(); for name in common producer operator job lineage local; do own+=(--no-emit-package "procstream-$name"); done

# compile NAME ARGUMENT...: requirements/NAME.txt
compile() {
  local name=$1; shift
  [[ " ${ONLY:-$name} " == *" $name "* ]] || return 0
  "$uv" pip compile --quiet --python-version 3.11 --generate-hashes --no-annotate "${own[@]}" \
    --custom-compile-command scripts/lock.sh "$@" --output-file "requirements/$name.txt"
}

compile dev "$@" --extra flink "${members[@]/%//pyproject.toml}" requirements/dev.in
# The images contain the versions that the tests use.
compile build "$@" --constraint requirements/dev.txt requirements/build.in
compile producer "$@" --constraint requirements/dev.txt --extra msk-iam {common,producer}/pyproject.toml
compile operator "$@" --constraint requirements/dev.txt --extra msk-iam {common,operator}/pyproject.toml
# Flink uses only Beam's worker for Python functions; these packages are for other parts of Beam, or for thread mode.
unused=(docopt find-libpython hdfs jsonpickle jsonschema jsonschema-specifications pemja pydot redis
  referencing rpds-py fasteners)
compile flink "$@" --constraint requirements/dev.txt --extra flink --extra msk-iam \
  "${unused[@]/#/--no-emit-package=}" {common,flink_job,lineage}/pyproject.toml
# Checkov has its own environment, because its pins conflict with those of the components.
compile checkov "$@" requirements/checkov.in
