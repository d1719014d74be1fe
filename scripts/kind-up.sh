#!/usr/bin/env bash
# Creates a kind cluster for the chart, with procstream's CustomResourceDefinitions and Flink's operator.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
Usage: scripts/kind-up.sh [--name NAME] [--without-flink-operator]

  --name NAME                name of the kind cluster (default: procstream)
  --without-flink-operator   do not install Flink's operator; values-local.yaml does not need it

Flink's Kubernetes operator (1.16 or later) is installed from FLINK_OPERATOR_CHART: the path or URL of the chart
archive that the Flink project publishes, or NAME/CHART of a Helm repository that you added.
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
  echo "the kind cluster $name exists"
else
  kind create cluster --name "$name" --config kind/cluster.yaml --wait 120s
fi
context=kind-$name
# Helm never upgrades what is in crds/, so the definitions are applied here.
kubectl --context "$context" apply --server-side --force-conflicts --filename helm/procstream/crds/
if $operator; then
  # The webhook needs cert-manager. The chart's values schema validates pipelines without it.
  helm upgrade --install flink-kubernetes-operator "$FLINK_OPERATOR_CHART" --kube-context "$context" \
    --namespace flink-operator --create-namespace --set webhook.create=false --wait --timeout 5m
fi
echo "ready; next: scripts/deploy.sh local$(! $operator || echo ' -- --set flink.operator.enabled=true')"
