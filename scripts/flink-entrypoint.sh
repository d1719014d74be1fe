#!/usr/bin/env bash
# Entry point of the Flink image, with the commands of the official image: jobmanager, taskmanager, standalone-job
# and sql-gateway start this process in the foreground. Any other command runs unchanged, such as those of
# the Flink Kubernetes Operator or procstream-lineage. The configuration in FLINK_CONF_DIR is not changed.
set -euo pipefail

# Python processes of a job that outlive their parent become children of process 1. A JVM would not reap them.
if (($$ == 1)); then
  exec tini -- "$0" "$@"
fi

# glibc's allocator does not return the memory that RocksDB frees.
LD_PRELOAD=$(echo /usr/lib/*/libjemalloc.so.2)
export LD_PRELOAD

case ${1:-} in
  jobmanager | taskmanager | standalone-job | sql-gateway)
    exec "$FLINK_HOME/bin/$1.sh" start-foreground "${@:2}"
    ;;
  '')
    echo "docker-entrypoint.sh: found no command, expected jobmanager, taskmanager, standalone-job," \
      "sql-gateway or a command" >&2
    exit 64
    ;;
esac
exec "$@"
