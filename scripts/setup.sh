# Sourced by demo.sh and test.sh: makes a fresh Debian or Ubuntu machine ready. Says what it installs; does nothing twice.
say() { echo "==> $*" >&2; }

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false

need_packages() {
  local missing=()
  for package in "$@"; do dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package"); done
  [ ${#missing[@]} -eq 0 ] && return
  if ! command -v apt-get >/dev/null; then
    say "please install: ${missing[*]}"
    return 1
  fi
  local sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  say "installing Debian packages: ${missing[*]}"
  "${sudo[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq "${missing[@]}" >/dev/null
}

# npm of any Node from 18 on will do: it installs the Node 24 that everything runs on.
need_node() {
  command -v git >/dev/null || need_packages git
  command -v npm >/dev/null || need_packages nodejs npm
  if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    say "installing npm packages (with Node 24) into node_modules"
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
    touch node_modules/.package-lock.json
  fi
  export PATH="$root/node_modules/.bin:$PATH"
}

# A Docker engine for containers. One that answers is used as it is; else, as root, Debian's is
# installed and started. With a folder, an engine that is started keeps everything there, and
# stop_docker ends it.
engine_pid=
need_docker() { # [folder of the engine's own]
  docker version >/dev/null 2>&1 && return
  [ "$(id -u)" -eq 0 ] || return 1
  command -v dockerd >/dev/null && command -v docker-registry >/dev/null || need_packages docker.io docker-registry iptables || return 1
  docker version >/dev/null 2>&1 && return
  local own=()
  [ $# -eq 0 ] || own=(--data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid")
  say "starting dockerd (its log: .cache/dockerd.log)"
  mkdir -p "$root/.cache"
  setsid dockerd --storage-driver=overlay2 "${own[@]}" >"$root/.cache/dockerd.log" 2>&1 </dev/null &
  engine_pid=$!
  for _ in $(seq 100); do
    docker version >/dev/null 2>&1 && return
    sleep 0.2
  done
  stop_docker
  return 1
}

# Ends the engine that need_docker started, if it did.
stop_docker() {
  [ -n "$engine_pid" ] || return 0
  kill "$engine_pid" 2>/dev/null
  wait "$engine_pid" 2>/dev/null
  engine_pid=
}
