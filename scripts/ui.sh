#!/usr/bin/env bash
# Forwards the web interfaces of a release to this machine, also after a pod was replaced, until Ctrl-C.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/ui.sh [--namespace NAME] [--release NAME] [--pipeline NAME]

  8081  Flink of one pipeline (--pipeline, default: lineage)
  8082  Flink of the SQL Gateway
  9001  MinIO console
  8080  schema registry
  8083  SQL Gateway

Forwards those that the release has, until Ctrl-C.
TEXT
}

fail() { echo "error: $*" >&2; exit 1; }

namespace=procstream release=procstream pipeline=lineage
while (($#)); do
  case $1 in
    --namespace | --release | --pipeline)
      [[ ${2:-} ]] || fail "$1: expected a name"
      printf -v "${1#--}" %s "$2"; shift 2 ;;
    --help | -h) usage; exit ;;
    *) fail "$1: unknown option; see scripts/ui.sh --help" ;;
  esac
done
command -v kubectl >/dev/null || fail "kubectl: not found on PATH"

# The chart's names of its objects.
prefix=$release
[[ $release == *procstream* ]] || prefix=$release-procstream

# forward TITLE SERVICE LOCAL REMOTE
forward() {
  kubectl get service "$2" --namespace "$namespace" >/dev/null 2>&1 || return 0
  if (exec 3<>"/dev/tcp/127.0.0.1/$3") 2>/dev/null; then
    echo "$1: port $3 of this machine is in use" >&2
    return 0
  fi
  echo "$1: http://127.0.0.1:$3"
  (
    trap 'kill "$forwarding" 2>/dev/null; exit' TERM
    while true; do
      # A port-forward ends with its pod.
      kubectl port-forward --namespace "$namespace" "service/$2" "$3:$4" >/dev/null 2>&1 &
      forwarding=$!
      wait "$forwarding" || true
      sleep 1
    done
  ) &
}

trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
forward "Flink ($pipeline)" "$prefix-pipeline-$pipeline" 8081 8081
forward "Flink ($pipeline)" "$prefix-pipeline-$pipeline-rest" 8081 8081 # the operator's name for it
forward "MinIO console" "$prefix-minio" 9001 9001
forward "schema registry" "$prefix-registry" 8080 8080
forward "SQL Gateway" "$prefix-sql-gateway" 8083 8083
forward "Flink (SQL Gateway)" "$prefix-sql-gateway-jobmanager" 8082 8081
[[ $(jobs -p) ]] || fail "release $release in namespace $namespace has none of these services"
wait
