#!/usr/bin/env bash
# Builds procstream's images. See --help and docs/images.md.
set -euo pipefail
cd "$(dirname "$0")/.."

# Dockerfile.NAME builds the image procstream-NAME.
names=(producer operator flink)
label=org.opencontainers.image

usage() {
  cat <<EOF
usage: scripts/build-images.sh [OPTION]...

Builds the images procstream-NAME, where NAME is one of: ${names[*]}

  --only NAME             build only this one; repeat the option for several
  --tag TAG               default: the project's version, $(version)
  --registry REGISTRY     name the images REGISTRY/procstream-NAME:TAG; default: localhost
  --push REGISTRY         the same, and push them
  --load kind|containerd  load them into the nodes of a kind cluster (KIND_CLUSTER_NAME, default: kind),
                          or into this machine's containerd for Kubernetes (CONTAINERD_ADDRESS)
  --archive DIR           write them to DIR/procstream-NAME.tar as OCI archives
  --platform LIST         such as linux/amd64,linux/arm64; several platforms need --push
  --base-image IMAGE      Debian 12 image to use instead of debian:bookworm-slim
  --no-cache              build every layer again, with the newest Debian packages
  --builder NAME          docker or buildah; default: docker if its engine answers, else buildah
  --help

For networks with their own mirrors or certificates. The files are available while an image is built, and are never
in it:

  CA_BUNDLE, SSL_CERT_FILE   certificates that pip trusts (the first one that is set)
  PIP_CONFIG_FILE            pip's configuration
  APT_CONFIG                 apt's configuration
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY (or in lower case)
EOF
}

fail() {
  echo "build-images.sh: $*" >&2
  exit 1
}

version() {
  sed -n 's/^version = "\(.*\)"$/\1/p' common/pyproject.toml
}

main() {
  local arguments=() only=() tag='' registry=localhost push=false load='' archives='' platforms='' builder=''
  local base_image=debian:bookworm-slim
  while (($#)); do
    case $1 in
      --help) usage; exit ;;
      --no-cache) arguments+=(--no-cache); shift; continue ;;
      --*) [[ -n ${2:-} ]] || fail "$1: found no value; see --help" ;;
      *) fail "found '$1', expected an option; see --help" ;;
    esac
    case $1 in
      --only) only+=("$2") ;;
      --tag) tag=$2 ;;
      --registry) registry=$2 ;;
      --push) registry=$2 push=true ;;
      --load) load=$2 ;;
      --archive) archives=$2 ;;
      --platform) platforms=$2 ;;
      --base-image) base_image=$2 ;;
      --builder) builder=$2 ;;
      *) fail "found '$1', expected an option; see --help" ;;
    esac
    shift 2
  done

  ((${#only[@]})) || only=("${names[@]}")

  local name
  for name in "${only[@]}"; do
    [[ " ${names[*]} " == *" $name "* ]] || fail "--only: found '$name', expected one of: ${names[*]}"
  done
  [[ $load =~ ^(kind|containerd)?$ ]] || fail "--load: found '$load', expected kind or containerd"
  ! several_platforms || [[ $push == true && -z $load$archives ]] ||
    fail "--platform: found '$platforms'; several platforms need --push, without --load and --archive"
  [[ " ${only[*]} " != *" flink "* ]] || compgen -G 'flink_job/java/target/procstream-flink-*.jar' >/dev/null ||
    fail "flink_job/java/target: found no procstream-flink-*.jar, expected the jars of the Flink module; run 'make setup'"
  builder=${builder:-$(find_builder)}
  [[ $builder =~ ^(docker|buildah)$ ]] || fail "--builder: found '$builder', expected docker or buildah"
  need "$builder"
  [[ $load != kind ]] || need kind
  [[ $load != containerd ]] || need ctr
  tag=${tag:-$(version)}

  [[ -z $platforms ]] || arguments+=(--platform "$platforms")
  arguments+=(--build-arg "BASE_IMAGE=$base_image" --label "$label.base.name=$base_image")
  arguments+=(--label "$label.version=$tag" --label "$label.revision=$(revision)")
  use_file ca_bundle "${CA_BUNDLE:-${SSL_CERT_FILE:-}}" PIP_CERT
  use_file pip_config "${PIP_CONFIG_FILE:-}"
  use_file apt_config "${APT_CONFIG:-}" APT_CONFIG
  use_proxies

  if [[ -n $load && -z $archives ]]; then
    archives=$(mktemp -d)
    # shellcheck disable=SC2064 # expands now, on purpose
    trap "rm -rf '$archives'" EXIT
  fi
  [[ -z $archives ]] || mkdir -p "$archives"

  local image archive
  for name in "${only[@]}"; do
    image=$registry/procstream-$name:$tag
    archive=$archives/procstream-$name.tar
    echo "building $image"
    "build_with_$builder" "Dockerfile.$name" "$image"
    [[ $push == false ]] || "push_with_$builder" "$image"
    [[ -z $archives ]] || "archive_with_$builder" "$image" "$archive"
    [[ -z $load ]] || "load_into_$load" "$archive"
  done
}

find_builder() {
  if docker info >/dev/null 2>&1; then
    echo docker
  elif command -v buildah >/dev/null; then
    echo buildah
  else
    fail "found neither a running Docker engine nor buildah, expected one of them"
  fi
}

need() {
  command -v "$1" >/dev/null || fail "$1: not found on PATH"
}

revision() {
  git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null || echo unknown
}

# use_file SECRET FILE [ARGUMENT]: mounts a file for the build steps that request it. The build argument ARGUMENT is its
# path there.
use_file() {
  [[ -n $2 ]] || return 0
  [[ -f $2 && -r $2 ]] || fail "$1: found '$2', expected a readable file; see --help"
  arguments+=(--secret "id=$1,src=$2")
  [[ -z ${3:-} ]] || arguments+=(--build-arg "$3=/run/secrets/$1")
}

# Both builders pass these to every step and keep them out of the image.
use_proxies() {
  local variable
  for variable in {HTTP,HTTPS,NO}_PROXY {http,https,no}_proxy; do
    [[ -z ${!variable:-} ]] || arguments+=(--build-arg "$variable=${!variable}")
  done
}

# Images of several platforms have one name in a registry. Docker's engine cannot store them under one name, so
# it pushes while it builds; buildah stores a list (a manifest) under the name.
several_platforms() {
  [[ $platforms == *,* ]]
}

build_with_docker() {
  local output=--load
  ! several_platforms || output=--push
  docker buildx build "$output" --file "$1" --tag "$2" "${arguments[@]}" .
}

push_with_docker() {
  several_platforms || docker push "$1"
}

archive_with_docker() {
  docker save --output "$2" "$1"
}

build_with_buildah() {
  local as=--tag
  if several_platforms; then
    as=--manifest
    buildah manifest rm "$2" >/dev/null 2>&1 || true # otherwise the image is added to the old list
  fi
  buildah build --isolation "$(isolation)" --network host --layers --file "$1" "$as" "$2" "${arguments[@]}" .
}

push_with_buildah() {
  if several_platforms; then
    buildah manifest push --all "$1" "docker://$1"
  else
    buildah push "$1"
  fi
}

archive_with_buildah() {
  rm -f "$2" # otherwise the image is added to the old archive
  buildah push --quiet "$1" "oci-archive:$2:$1"
}

# Steps run in containers if this machine (or the container we are in) allows them, otherwise in chroots.
isolation() {
  local user=()
  ((EUID == 0)) || user=(--user --map-root-user)
  if [[ -n ${BUILDAH_ISOLATION:-} ]]; then
    echo "$BUILDAH_ISOLATION"
  elif [[ -z $(command -v crun runc) ]] || ! unshare "${user[@]}" --mount --net --pid --fork true 2>/dev/null; then
    echo chroot
  elif ((EUID == 0)); then
    echo oci
  else
    echo rootless
  fi
}

load_into_kind() {
  kind load image-archive --name "${KIND_CLUSTER_NAME:-kind}" "$1"
}

load_into_containerd() {
  ctr --namespace k8s.io images import "$1"
}

main "$@"
