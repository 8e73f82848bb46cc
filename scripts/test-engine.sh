#!/usr/bin/env bash
# The container suites on another engine than the machine's: npm run test:engine [-- vitest's arguments]
# Builds Docker Engine 29 with containerd, its shim and runc from their Go modules into .cache/engine (about six minutes, once), starts it in
# network, mount and process namespaces of its own, runs the suites there, and leaves nothing running. As root, with Go 1.25 or later.
# CACHEON_ENGINE_STORE=overlay2 keeps images as engines before 29 did (and upgraded ones do), not in containerd.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

MOBY=v2.0.0-beta.24 ENGINE=29.0.0 CONTAINERD=v2.4.2 RUNC=v1.5.2
home="$root/.cache/engine/$MOBY-$CONTAINERD-$RUNC"

build() {
  need_packages libseccomp-dev pkg-config gcc iptables
  say "building Docker Engine $ENGINE ($MOBY), containerd $CONTAINERD and runc $RUNC into .cache/engine"
  mkdir -p "$home"
  local new="$home/new"
  export GOBIN="$new"
  local containerd=github.com/containerd/containerd/v2
  CGO_ENABLED=0 go install -tags 'exclude_graphdriver_btrfs no_systemd' \
    -ldflags "-X github.com/moby/moby/v2/dockerversion.Version=$ENGINE" "github.com/moby/moby/v2/cmd/dockerd@$MOBY"
  CGO_ENABLED=0 go install "github.com/moby/moby/v2/cmd/docker-proxy@$MOBY"
  CGO_ENABLED=0 go install -tags 'no_btrfs no_zfs' -ldflags "-X $containerd/version.Version=$CONTAINERD" "$containerd/cmd/containerd@$CONTAINERD"
  CGO_ENABLED=0 go install "$containerd/cmd/containerd-shim-runc-v2@$CONTAINERD"
  CGO_ENABLED=1 go install -tags seccomp "github.com/opencontainers/runc@$RUNC"
  mv "$new" "$home/bin"
}

if [ "${CACHEON_ENGINE_INSIDE:-}" != yes ]; then
  [ "$(id -u)" -eq 0 ] || { say "an engine of its own needs root"; exit 1; }
  command -v go >/dev/null || { say "Go is needed to build the engine: https://go.dev/dl/"; exit 1; }
  need_node
  command -v docker-registry >/dev/null || need_packages docker-registry
  [ -x "$home/bin/runc" ] || build
  exec env CACHEON_ENGINE_INSIDE=yes unshare --net --mount --pid --fork --kill-child --mount-proc "${BASH_SOURCE[0]}" "$@"
fi

need_node
ip link set lo up
# Where the toolkit writes which GPUs there are: a test writes stand-ins there.
mkdir -p /run/cdi && mount -t tmpfs tmpfs /run/cdi
# A path of its own: a socket's name has 107 characters at most.
run=$(mktemp -d /tmp/engine.XXXXXX)
trap 'kill "$engine" 2>/dev/null; wait "$engine" 2>/dev/null; rm -rf "$run"' EXIT
export DOCKER_HOST="unix://$run/docker.sock"
store=${CACHEON_ENGINE_STORE:-}
PATH="$home/bin:/usr/sbin:$PATH" dockerd --data-root "$home/data${store:+-$store}" ${store:+--storage-driver "$store"} --exec-root "$run/exec" --pidfile "$run/pid" --host "$DOCKER_HOST" \
  >"$home/dockerd.log" 2>&1 </dev/null &
engine=$!
for _ in $(seq 150); do
  [ -S "$run/docker.sock" ] && curl -fs --unix-socket "$run/docker.sock" http://docker/_ping >/dev/null && break
  kill -0 "$engine" 2>/dev/null || { tail -5 "$home/dockerd.log" >&2; exit 1; }
  sleep 0.2
done
say "Docker Engine $ENGINE runs (its log: ${home#"$root/"}/dockerd.log)"
[ $# -gt 0 ] || set -- docker.itg relay.itg registry.itg audit.itg engine.test
vitest run --dir src --no-file-parallelism --testTimeout 120000 --hookTimeout 120000 "$@"
