#!/usr/bin/env bash
# Verifies a pipeline: starts a Job from the chart's verification CronJob, waits for it, and prints its log.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/verify.sh [--namespace NAME] [--release NAME] [--timeout SECONDS] PIPELINE

The exit code is that of `procstream lineage verify`: 0 proven, 1 not proven, 2 unknown.
--timeout is how long to wait for it, in seconds (default: 600).
TEXT
}

fail() { echo "error: $*" >&2; exit 2; }

namespace=procstream release=procstream timeout=600
while (($#)); do
  case $1 in
    --namespace | --release | --timeout)
      [[ ${2:-} ]] || fail "$1: expected a value"
      printf -v "${1#--}" %s "$2"; shift 2 ;;
    --help | -h) usage; exit ;;
    -*) fail "$1: unknown option; see scripts/verify.sh --help" ;;
    *) break ;;
  esac
done
(($# == 1)) || fail "expected one pipeline; see scripts/verify.sh --help"
pipeline=$1
command -v kubectl >/dev/null || fail "kubectl: not found on PATH"
k() { kubectl --namespace "$namespace" "$@"; }

selector=app.kubernetes.io/instance=$release,app.kubernetes.io/component=verify-$pipeline
cronjob=$(k get cronjob --selector "$selector" --output name)
[[ $cronjob ]] || fail "namespace $namespace: release $release verifies no pipeline $pipeline; see its value verification.pipelines"
job=verify-$pipeline-$(date +%s)
k create job "$job" --from="$cronjob" >/dev/null
trap 'k delete job "$job" --wait=false >/dev/null' EXIT

code='{.items[0].status.containerStatuses[0].state.terminated.exitCode}'
for ((waited = 0; waited < timeout; waited += 2)); do
  if result=$(k get pods --selector "job-name=$job" --output "jsonpath=$code" 2>/dev/null) && [[ $result ]]; then
    k logs "job/$job"
    exit "$result"
  fi
  sleep 2
done
fail "no result within $timeout s; see \`kubectl --namespace $namespace describe job $job\`"
