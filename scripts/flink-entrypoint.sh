#!/usr/bin/env bash
# The Flink image's entry point, with the words of the official image: jobmanager, taskmanager, standalone-job
# and sql-gateway start that process in the foreground; anything else is run as it is, such as the commands of
# the Flink Kubernetes Operator or procstream-lineage. Configuration comes from FLINK_CONF_DIR and is not changed.
set -euo pipefail

# Whatever of a job's Python outlives its parent becomes a child of process 1, and a JVM would not reap it.
if (($$ == 1)); then
  exec tini -- "$0" "$@"
fi

# glibc's allocator keeps what RocksDB frees.
LD_PRELOAD=$(echo /usr/lib/*/libjemalloc.so.2)
export LD_PRELOAD

case ${1:-} in
  jobmanager | taskmanager | standalone-job | sql-gateway)
    exec "$FLINK_HOME/bin/$1.sh" start-foreground "${@:2}"
    ;;
  '')
    echo "docker-entrypoint.sh: found nothing to run, expected jobmanager, taskmanager, standalone-job," \
      "sql-gateway or a command" >&2
    exit 64
    ;;
esac
exec "$@"
