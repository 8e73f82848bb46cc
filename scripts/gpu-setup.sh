#!/usr/bin/env bash
# Makes an Ubuntu 22.04 or 24.04 machine with NVIDIA GPUs ready to measure: run it as root, again after any failure.
#   scripts/gpu-setup.sh                 all steps; one that is done already is left alone
#   scripts/gpu-setup.sh --check         changes nothing: one line a requirement, with its mend; exit 1 where one is missing
#   scripts/gpu-setup.sh weights images  these steps only
# ARENA: another arena file. WEIGHTS_URL, WEIGHTS_MANIFEST: where the weights come from, and their sha256 a file.
set -uo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
arena="${ARENA:-$root/.github/arena.json}"
# Tests put a folder before every path that is written.
prefix="${CACHEON_SETUP_PREFIX:-}"

STEPS=(system packages clock docker driver toolkit idle clocks disk user firewall images weights corpus)
TOOLKIT_MINIMUM=1.19.1
ENGINE_MINIMUM=28.0
DISK_GB="${CACHEON_DISK_GB:-400}"
RUNNER=cacheon

say() { echo "gpu-setup: $*" >&2; }
# A field of the arena, or its default.
field() { python3 -c 'import json,sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("."): value = value.get(key) if isinstance(value, dict) else None
print(sys.argv[3] if value is None else value)' "$arena" "$1" "${2:-}"; }
# Whether version $1 is at least $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]; }
have() { command -v "$1" >/dev/null 2>&1; }
install_packages() { DEBIAN_FRONTEND=noninteractive apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null; }
# Adds an apt repository with its own key: name, key URL, line of the list.
add_repository() {
  local key="$prefix/etc/apt/keyrings/$1.asc"
  mkdir -p "$prefix/etc/apt/keyrings" "$prefix/etc/apt/sources.list.d"
  curl -fsSL --retry 3 "$2" -o "$key.part" && mv "$key.part" "$key" || return 1
  echo "${3//KEY/$key}" >"$prefix/etc/apt/sources.list.d/$1.list"
}

# Each step: want_X says what is needed, seen_X what is there (0: enough), mend_X what to do by hand, do_X does it.

want_system() { echo "Ubuntu 22.04 or 24.04 on x86-64"; }
seen_system() {
  # shellcheck source=/dev/null
  . "$prefix/etc/os-release" 2>/dev/null || return 1
  echo "${ID:-?} ${VERSION_ID:-?} $(uname -m)"
  [[ "${ID:-} ${VERSION_ID:-}" =~ ^ubuntu\ (22|24)\.04$ ]] && [ "$(uname -m)" = x86_64 ]
}
mend_system() { echo "install one of them: other systems were never tried"; }
do_system() { return 1; }

want_packages() { echo "git, curl, gpg, npm, nft, python3, ssh"; }
seen_packages() {
  local missing=()
  for tool in git curl gpg npm nft python3 ssh; do have "$tool" || missing+=("$tool"); done
  echo "${missing[*]:+missing: }${missing[*]:-all there}"
  [ ${#missing[@]} -eq 0 ]
}
mend_packages() { echo "apt-get install git curl gnupg npm nftables python3 openssh-server"; }
do_packages() { install_packages git curl ca-certificates gnupg npm nftables python3 openssh-server; }

want_clock() { echo "the system clock synchronised"; }
seen_clock() {
  local synced
  synced=$(timedatectl show -p NTPSynchronized --value 2>/dev/null || echo unknown)
  echo "synchronised: $synced"
  [ "$synced" = yes ]
}
mend_clock() { echo "apt-get install chrony; systemctl enable --now chrony"; }
do_clock() { install_packages chrony && systemctl enable --now chrony && sleep 5; }

want_docker() { echo "Docker Engine $ENGINE_MINIMUM or newer, running"; }
seen_docker() {
  local version
  version=$(docker version --format '{{.Server.Version}}' 2>/dev/null) || { echo "no engine answers"; return 1; }
  echo "engine $version"
  at_least "$version" "$ENGINE_MINIMUM"
}
mend_docker() { echo "docs.docker.com/engine/install/ubuntu, then systemctl enable --now docker"; }
do_docker() {
  # shellcheck source=/dev/null
  . "$prefix/etc/os-release"
  add_repository docker https://download.docker.com/linux/ubuntu/gpg \
    "deb [arch=amd64 signed-by=KEY] https://download.docker.com/linux/ubuntu $VERSION_CODENAME stable" &&
    install_packages docker-ce docker-ce-cli containerd.io && systemctl enable --now docker
}

want_driver() { echo "an NVIDIA driver without known holes (535.309.01, 580.159.03, 595.71.05 or newer of its line)"; }
seen_driver() {
  local version minimum
  version=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n1)
  [ -n "$version" ] || { echo "nvidia-smi shows no driver"; return 1; }
  echo "driver $version"
  case $version in 535.*) minimum=535.309.01 ;; 580.*) minimum=580.159.03 ;; *) minimum=595.71.05 ;; esac
  at_least "$version" "$minimum"
}
mend_driver() { echo "apt-get install nvidia-driver-580-server-open, then reboot and run this again"; }
do_driver() {
  install_packages nvidia-driver-580-server-open nvidia-utils-580-server && say "reboot now, then run this again"
  return 1
}

want_toolkit() { echo "NVIDIA container toolkit $TOOLKIT_MINIMUM or newer, by CDI, deaf to an image's variables"; }
toolkit_config="$prefix/etc/nvidia-container-runtime/config.toml"
seen_toolkit() {
  local version
  version=$(nvidia-ctk --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n1)
  [ -n "$version" ] || { echo "nvidia-ctk is not there"; return 1; }
  at_least "$version" "$TOOLKIT_MINIMUM" || { echo "toolkit $version"; return 1; }
  # An image that says NVIDIA_VISIBLE_DEVICES=all would get every GPU otherwise.
  grep -qE '^\s*accept-nvidia-visible-devices-envvar-when-unprivileged\s*=\s*false' "$toolkit_config" 2>/dev/null ||
    { echo "toolkit $version, an image may ask for GPUs by a variable"; return 1; }
  [ -s "$prefix/etc/cdi/nvidia.yaml" ] || { echo "toolkit $version, no CDI specification"; return 1; }
  echo "toolkit $version"
}
mend_toolkit() { echo "docs.nvidia.com/datacenter/cloud-native/container-toolkit, then run this step again"; }
do_toolkit() {
  if ! have nvidia-ctk || ! at_least "$(nvidia-ctk --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n1)" "$TOOLKIT_MINIMUM"; then
    add_repository nvidia-container-toolkit https://nvidia.github.io/libnvidia-container/gpgkey \
      "deb [signed-by=KEY] https://nvidia.github.io/libnvidia-container/stable/deb/amd64 /" &&
      install_packages nvidia-container-toolkit || return 1
  fi
  nvidia-ctk config --config "$toolkit_config" --in-place --set accept-nvidia-visible-devices-envvar-when-unprivileged=false &&
    mkdir -p "$prefix/etc/cdi" && nvidia-ctk cdi generate --output="$prefix/etc/cdi/nvidia.yaml" >/dev/null 2>&1
}

want_idle() { echo "no process on the GPUs"; }
seen_idle() {
  local processes
  processes=$(nvidia-smi --query-compute-apps=pid,name --format=csv,noheader 2>/dev/null) || { echo "nvidia-smi does not answer"; return 1; }
  echo "${processes:-none}" | tr '\n' ' '
  [ -z "$processes" ]
}
mend_idle() { echo "end them: nothing else may run on a machine that measures"; }
do_idle() { return 1; }

want_clocks() { echo "persistence mode on, clocks not locked"; }
seen_clocks() {
  local modes
  modes=$(nvidia-smi --query-gpu=persistence_mode --format=csv,noheader 2>/dev/null | sort -u | tr '\n' ' ')
  echo "persistence: ${modes:-unknown}"
  [ "$modes" = "Enabled " ]
}
mend_clocks() { echo "nvidia-smi -pm 1; nvidia-smi -rgc; nvidia-smi -rmc"; }
do_clocks() { nvidia-smi -pm 1 >/dev/null && nvidia-smi -rgc >/dev/null && nvidia-smi -rmc >/dev/null; }

want_disk() { echo "$DISK_GB GB free"; }
seen_disk() {
  local free
  free=$(df -B1000000000 --output=avail "${prefix:-/}" | tail -n1 | tr -d ' ')
  echo "$free GB free"
  [ "$free" -ge "$DISK_GB" ]
}
mend_disk() { echo "a larger disk, or docker system prune -a"; }
do_disk() { return 1; }

want_user() { echo "the user $RUNNER, who may use Docker"; }
seen_user() {
  id -nG "$RUNNER" 2>/dev/null | tr ' ' '\n' | grep -qx docker && echo "$RUNNER" && return
  echo "not there, or not in the group docker"
  return 1
}
mend_user() { echo "useradd --create-home --groups docker $RUNNER"; }
do_user() { id "$RUNNER" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$RUNNER"; usermod --append --groups docker "$RUNNER"; }

want_firewall() { echo "$RUNNER reaches DNS, HTTPS and SSH, and neither the machine's own network nor its metadata"; }
firewall_file="$prefix/etc/nftables.d/cacheon.nft"
firewall_rules() {
  cat <<NFT
# Written by scripts/gpu-setup.sh. Containers of miners have no network at all; this holds the runner's own processes in.
table inet cacheon {
  chain output {
    type filter hook output priority 0; policy accept;
    meta skuid != $RUNNER accept
    oif lo accept
    udp dport 53 accept
    tcp dport 53 accept
    ip daddr { 10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16 } counter reject
    ip6 daddr { fc00::/7, fe80::/10 } counter reject
    tcp dport { 22, 443 } accept
    counter reject
  }
}
NFT
}
seen_firewall() {
  [ "$(cat "$firewall_file" 2>/dev/null)" = "$(firewall_rules)" ] || { echo "no rules, or others"; return 1; }
  nft list table inet cacheon >/dev/null 2>&1 || { echo "the rules are not loaded"; return 1; }
  echo "loaded"
}
mend_firewall() { echo "scripts/gpu-setup.sh firewall writes $firewall_file and loads it"; }
do_firewall() {
  local include='include "/etc/nftables.d/*.nft"'
  mkdir -p "$prefix/etc/nftables.d" && firewall_rules >"$firewall_file"
  grep -qxF "$include" "$prefix/etc/nftables.conf" 2>/dev/null || echo "$include" >>"$prefix/etc/nftables.conf"
  nft delete table inet cacheon 2>/dev/null
  nft -f "$firewall_file" && systemctl enable nftables >/dev/null 2>&1
}

arena_images() { for which in baseline reference; do field "images.$which"; done | sort -u; }
want_images() { echo "the arena's baseline and reference, by digest"; }
seen_images() {
  local image
  for image in $(arena_images); do
    [[ $image == *@sha256:* ]] || { echo "$image has no digest"; return 1; }
    docker image inspect "$image" >/dev/null 2>&1 || { echo "$image is not here"; return 1; }
  done
  echo "all here"
}
mend_images() { echo "cacheon arena pin pins them, scripts/gpu-setup.sh images pulls them"; }
do_images() {
  local image
  for image in $(arena_images); do
    [[ $image == *@sha256:* ]] || return 1
    docker pull "$image" || return 1
  done
}

weights_folder() { local path; path=$(field model.path); [[ $path == /* ]] && echo "$prefix$path" || echo "$root/$path"; }
weights_manifest() { echo "${WEIGHTS_MANIFEST:-$root/.github/weights/$(field model.name).sha256}"; }
want_weights() { echo "every file of the weights with the sha256 of its manifest"; }
# What was verified is not read again: 145 GB take minutes. A file that changed since has another size or time.
stamp_of() { stat -c '%n %i %s %.9Y %.9Z' "$@" 2>/dev/null | sha256sum | cut -d' ' -f1; }
seen_weights() {
  local folder manifest names
  folder=$(weights_folder) manifest=$(weights_manifest)
  [ -s "$manifest" ] || { echo "there is no manifest $manifest"; return 1; }
  mapfile -t names < <(cut -c67- "$manifest")
  cd "$folder" 2>/dev/null || { echo "$folder is not there"; return 1; }
  local name
  for name in "${names[@]}"; do [ -f "$name" ] || { echo "$name is missing in $folder"; cd - >/dev/null; return 1; }; done
  local stamp="$folder/.cacheon-verified" now
  now="$(sha256sum <"$manifest" | cut -d' ' -f1) $(stamp_of "${names[@]}")"
  if [ "$(cat "$stamp" 2>/dev/null)" != "$now" ]; then
    say "hashing ${#names[@]} files of weights"
    local wrong
    wrong=$(sha256sum --check --quiet "$manifest" 2>/dev/null | head -n1)
    [ -z "$wrong" ] || { echo "$wrong"; cd - >/dev/null; return 1; }
    [ "$mode" = check ] || echo "$now" >"$stamp"
  fi
  cd - >/dev/null || return 1
  echo "${#names[@]} files, all with their hash"
}
mend_weights() { echo "cacheon arena pin --weights OWNER/NAME writes the manifest; scripts/gpu-setup.sh weights fetches, and goes on where it stopped"; }
do_weights() {
  local folder manifest sum name
  folder=$(weights_folder) manifest=$(weights_manifest)
  [ -s "$manifest" ] || return 1
  local url="${WEIGHTS_URL:-https://huggingface.co/Qwen/$(field model.name)/resolve/main}"
  mkdir -p "$folder"
  while read -r sum name; do
    local file="$folder/$name"
    [ -f "$file" ] && [ "$(sha256sum <"$file" | cut -d' ' -f1)" = "$sum" ] && continue
    [[ $name != /* && $name != *..* ]] || { say "$name is no name of a file of weights"; return 1; }
    mkdir -p "$(dirname "$file")"
    say "$name"
    curl -fL --retry 5 --continue-at - --progress-bar ${HF_TOKEN:+-H "Authorization: Bearer $HF_TOKEN"} "$url/$name" -o "$file.part" || return 1
    if [ "$(sha256sum <"$file.part" | cut -d' ' -f1)" != "$sum" ]; then
      rm -f "$file.part"
      say "$name came with another hash than the manifest's, and was thrown away"
      return 1
    fi
    mv "$file.part" "$file"
  done <"$manifest"
}

want_corpus() { echo "the corpus that the arena pins"; }
seen_corpus() {
  [ "$(field corpus.name generated)" = generated ] && echo "none is needed" && return
  local folder="${CACHEON_CORPUS:-}"
  [ -n "$folder" ] || { echo "CACHEON_CORPUS names no folder"; return 1; }
  "$root/scripts/cacheon" prompts --arena "$arena" --seed "0x$(printf '00%.0s' {1..32})" --count 1 --corpus "$folder" >/dev/null 2>&1 ||
    { echo "$folder is not the pinned corpus"; return 1; }
  echo "$folder"
}
mend_corpus() { echo "fetch it: scripts/cacheon arena pin --check --corpus DIR --fetch, and name DIR with CACHEON_CORPUS"; }
do_corpus() { return 1; }

# One line: state, step, what is there; where something is missing what is wanted, and the mend.
line() { printf '%-4s  %-9s  %s\n' "$1" "$2" "$3"; }
check_step() {
  local seen
  if seen=$("seen_$1"); then line ok "$1" "$seen"; else
    line FAIL "$1" "${seen:-not there}; wanted: $("want_$1")"
    printf '%17s%s\n' '' "-> $("mend_$1")"
    return 1
  fi
}
run_step() {
  local seen
  if seen=$("seen_$1"); then line ok "$1" "$seen" && return; fi
  say "$1: ${seen:-not there}"
  "do_$1" || true
  check_step "$1"
}

main() {
  mode=setup
  [ "${1:-}" = --check ] && { mode=check; shift; }
  local steps=("${STEPS[@]}") failed=0 step
  case "${1:-}" in -h | --help) sed -n '2,6s/^# //p' "${BASH_SOURCE[0]}"; exit 0 ;; esac
  [ $# -eq 0 ] || steps=("$@")
  for step in "${steps[@]}"; do
    [[ " ${STEPS[*]} " == *" $step "* ]] || { echo "there is no step $step; the steps are ${STEPS[*]}" >&2; exit 2; }
  done
  [ -r "$arena" ] || { echo "the arena $arena cannot be read; name one with ARENA" >&2; exit 2; }
  if [ "$mode" = setup ] && [ "$(id -u)" -ne 0 ]; then echo "run it as root (or with --check, which changes nothing)" >&2; exit 2; fi
  for step in "${steps[@]}"; do
    if [ "$mode" = check ]; then check_step "$step"; else run_step "$step"; fi || failed=$((failed + 1))
  done
  if [ "$failed" -eq 0 ]; then echo "ready: now cacheon doctor"; else echo "$failed to mend"; exit 1; fi
}
[ "${CACHEON_SETUP_SOURCED:-}" = 1 ] || main "$@"
