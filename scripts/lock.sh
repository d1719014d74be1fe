#!/usr/bin/env bash
# Compiles requirements/*.txt: every version pinned, every file hashed, no registry address recorded.
# ONLY="producer build" compiles just those; arguments go to `uv pip compile`, such as --upgrade.
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
# The images have the versions that the tests ran with.
compile build "$@" --constraint requirements/dev.txt requirements/build.in
compile producer "$@" --constraint requirements/dev.txt --extra msk-iam {common,producer}/pyproject.toml
compile operator "$@" --constraint requirements/dev.txt --extra msk-iam {common,operator}/pyproject.toml
# Of Beam, Flink uses the worker that runs Python functions; these serve its other parts, or run in threads.
unused=(docopt find-libpython hdfs jsonpickle jsonschema jsonschema-specifications pemja pydot redis
  referencing rpds-py fasteners)
compile flink "$@" --constraint requirements/dev.txt --extra flink --extra msk-iam \
  "${unused[@]/#/--no-emit-package=}" {common,flink_job,lineage}/pyproject.toml
# Never beside the rest: it asks for versions that the components do not have.
compile checkov "$@" requirements/checkov.in
