#!/usr/bin/env bash
# Makes a kind cluster ready for the chart: the cluster, procstream's resource definitions, Flink's operator.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
Usage: scripts/kind-up.sh [--name NAME] [--without-flink-operator]

  --name NAME                of the kind cluster (default: procstream)
  --without-flink-operator   pipelines run as plain Deployments, as values-local.yaml has them

Flink's Kubernetes operator (1.16 or later) is installed from FLINK_OPERATOR_CHART: the path or address of its
chart archive, as the Flink project publishes it, or NAME/CHART of a helm repository that was added.
TEXT
}

fail() { echo "error: $*" >&2; exit 1; }
need() { command -v "$1" >/dev/null || fail "$1: not found on PATH"; }

name=procstream operator=true
while (($#)); do
  case $1 in
    --name) [[ ${2:-} ]] || fail "--name: expected a name"; name=$2; shift 2 ;;
    --without-flink-operator) operator=false; shift ;;
    --help | -h) usage; exit ;;
    *) fail "$1: unknown option; see scripts/kind-up.sh --help" ;;
  esac
done
need kind; need kubectl
if $operator; then
  need helm
  [[ ${FLINK_OPERATOR_CHART:-} ]] || fail "FLINK_OPERATOR_CHART is not set, expected the chart of Flink's operator; or use --without-flink-operator"
fi

if kind get clusters | grep -qx "$name"; then
  echo "the kind cluster $name is there"
else
  kind create cluster --name "$name" --config kind/cluster.yaml --wait 120s
fi
context=kind-$name
# helm installs definitions once and never upgrades them, so they are applied here.
kubectl --context "$context" apply --server-side --force-conflicts --filename helm/procstream/crds/
if $operator; then
  # Its webhook would need cert-manager; the chart's own schema checks what procstream renders.
  helm upgrade --install flink-kubernetes-operator "$FLINK_OPERATOR_CHART" --kube-context "$context" \
    --namespace flink-operator --create-namespace --set webhook.create=false --wait --timeout 5m
fi
echo "ready; next: scripts/deploy.sh local$(! $operator || echo ' -- --set flink.operator.enabled=true')"
