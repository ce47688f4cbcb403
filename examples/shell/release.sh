#!/usr/bin/env bash
# Builds an image for two platforms, with an SBOM and provenance, and pushes it to a Slipway registry. No secret is
# stored, and layers may have any size. It runs in any CI whose jobs get an ID token:
#
#   REGISTRY=registry.example.com IMAGE=acme/app VERSION=1.2.3 ./release.sh
#
# It needs docker with buildx, curl, Node 22.12 and slipway, and the job's ID token for the audience
# https://registry.example.com in SLIPWAY_ID_TOKEN. In a job of GitHub's or Forgejo's it asks for the token itself.
# Once, an owner of the namespace trusts the CI: see slipway trust add --help.
set -euo pipefail

: "${REGISTRY:?is missing, such as registry.example.com}"
: "${IMAGE:?is missing, such as acme/app}"
: "${VERSION:?is missing, such as 1.2.3}"
platforms=${PLATFORMS:-linux/amd64,linux/arm64}
# A registry on this machine has another URL.
url=${REGISTRY_URL:-https://$REGISTRY}
namespace=${IMAGE%%/*}
builder=slipway-$$
work=$(mktemp -d)
password=

# Prints a field of the JSON on standard input.
field() {
  node -e 'console.log(JSON.parse(require("node:fs").readFileSync(0, "utf8"))[process.argv[1]])' "$1"
}

# Nothing is left at the end, whether the release succeeded or not. The credential would also end by itself.
finish() {
  if [ -n "$password" ]; then
    docker logout "$REGISTRY"
    # A header from standard input: others on the machine can read arguments.
    printf 'authorization: Bearer %s' "$password" |
      curl -sS --fail-with-body -X DELETE -H @- "$url/api/v1/oidc/credential" ||
      echo "the credential could not be revoked: it ends by itself" >&2
  fi
  docker buildx rm --force "$builder" > /dev/null 2>&1 || true
  docker context rm --force "$builder" > /dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT

# 1. Build. An archive needs no registry, so the login comes afterwards: it may hold for minutes only.
#    The first command lets this machine run programs of the other platform; where DOCKER_HOST names the engine,
#    a builder finds it by a context alone.
docker run --privileged --rm tonistiigi/binfmt --install all > /dev/null
docker context create "$builder" > /dev/null
docker buildx create --name "$builder" --driver docker-container "$builder" > /dev/null
docker buildx build . --builder "$builder" --platform "$platforms" --sbom=true --provenance=mode=max \
  --output "type=oci,dest=$work/image.tar"

# 2. Log in: the ID token is exchanged for a password. The registry's answer says why not, if not.
if [ -z "${SLIPWAY_ID_TOKEN:-}" ]; then
  : "${ACTIONS_ID_TOKEN_REQUEST_URL:?is missing, and SLIPWAY_ID_TOKEN, too: may this job have an ID token?}"
  SLIPWAY_ID_TOKEN=$(printf 'authorization: Bearer %s' "$ACTIONS_ID_TOKEN_REQUEST_TOKEN" |
    curl -sS --fail-with-body -H @- "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=$url" | field value)
fi
answer=$(printf '{"token": "%s", "namespaces": ["%s"]}' "$SLIPWAY_ID_TOKEN" "$namespace" |
  curl -sS --fail-with-body -H "content-type: application/json" --data-binary @- "$url/api/v1/oidc/exchange") ||
  { echo "$answer" >&2; exit 1; }
password=$(field password <<< "$answer")
docker login "$REGISTRY" -u oidc --password-stdin <<< "$password"

# 3. Push: 1.2.3 is also 1.2 and latest, but 1.2.3-rc.1 is only itself. Layers that are there are not sent again.
tags=("$VERSION")
if [[ $VERSION =~ ^([0-9]+\.[0-9]+)\.[0-9]+$ ]]; then tags+=("${BASH_REMATCH[1]}" latest); fi
for tag in "${tags[@]}"; do
  slipway push "oci-archive:$work/image.tar" "$REGISTRY/$IMAGE:$tag"
done
