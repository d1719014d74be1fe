#!/usr/bin/env bash
# Builds the images and loads or pushes them, installs or upgrades the chart, and verifies that it works.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
Usage: scripts/deploy.sh local|aws [OPTION…] [-- HELM OPTION…]

  local   uses values-local.yaml and loads the images into the cluster (kind)
  aws     uses values-aws.yaml and pushes the images to --registry, such as the address of an ECR

  --release NAME        Helm release (default: procstream)
  --namespace NAME      namespace of the release (default: procstream)
  --load kind|containerd|none   how `local` loads the images (default: kind)
  --registry REGISTRY   registry and path of the images; required by `aws`
  --tag TAG             tag of the images (default: the project's version)
  --skip-build          use images that were built before
  --timeout DURATION    how long to wait for each step (default: 10m)

Arguments after -- are passed to helm, such as: -- --values my-values.yaml
TEXT
}

fail() { echo "error: $*" >&2; exit 1; }
need() { command -v "$1" >/dev/null || fail "$1: not found on PATH"; }
value() { [[ ${2:-} ]] || fail "$1: expected a value"; }

[[ ${1:-} == --help || ${1:-} == -h ]] && { usage; exit; }
target=${1:-}
[[ $target == local || $target == aws ]] || fail "found '$target', expected local or aws; see scripts/deploy.sh --help"
shift
release=procstream namespace=procstream load=kind registry="" tag="" build=true timeout=10m
while (($#)); do
  case $1 in
    --release) value "$@"; release=$2; shift 2 ;;
    --namespace) value "$@"; namespace=$2; shift 2 ;;
    --load) value "$@"; load=$2; shift 2 ;;
    --registry) value "$@"; registry=$2; shift 2 ;;
    --tag) value "$@"; tag=$2; shift 2 ;;
    --skip-build) build=false; shift ;;
    --timeout) value "$@"; timeout=$2; shift 2 ;;
    --help | -h) usage; exit ;;
    --) shift; break ;;
    *) fail "$1: unknown option; see scripts/deploy.sh --help" ;;
  esac
done
need kubectl; need helm
[[ $load =~ ^(kind|containerd|none)$ ]] || fail "--load: found '$load', expected kind, containerd or none"

images=()
if [[ $target == aws ]]; then
  [[ $registry ]] || fail "--registry: not set, expected the registry from which the cluster pulls"
  images=(--push "$registry")
else
  registry=${registry:-localhost}
  [[ $load == none ]] || images=(--load "$load")
fi
if $build; then
  echo "== images"
  scripts/build-images.sh "${images[@]}" ${tag:+--tag "$tag"}
fi

echo "== chart"
# Helm never upgrades what is in crds/.
kubectl apply --server-side --force-conflicts --filename helm/procstream/crds/
helm upgrade --install "$release" helm/procstream --namespace "$namespace" --create-namespace \
  --values "helm/procstream/values-$target.yaml" --set "image.registry=$registry" ${tag:+--set "image.tag=$tag"} \
  --skip-crds --wait --timeout "$timeout" "$@"

echo "== resources"
kubectl wait --namespace "$namespace" --for=condition=Ready topics,schemas,procstatproducers \
  --selector "app.kubernetes.io/instance=$release" --timeout "$timeout"
kubectl get procstream --namespace "$namespace"

echo "== tests"
helm test "$release" --namespace "$namespace" --timeout "$timeout" --logs

for pipeline in lineage procstat-lineage; do
  labels=app.kubernetes.io/instance=$release,app.kubernetes.io/component=verify-$pipeline
  [[ $(kubectl get cronjobs --namespace "$namespace" --selector "$labels" --output name) ]] || continue
  echo "== verify $pipeline"
  scripts/verify.sh --namespace "$namespace" --release "$release" "$pipeline"
done
