#!/usr/bin/env bash
# Serves a GPU machine to GitHub one job at a time: asks for a just-in-time runner, takes one job, cleans up, asks again.
#   scripts/gpu-runner.sh [--once]     settings: /etc/cacheon/runner, NAME=value a line:
#   CACHEON_REPOSITORY=owner/name      CACHEON_RUNNER_HOME=/opt/actions-runner (GitHub's runner, unpacked)
#   CACHEON_RUNNER_LABELS=self-hosted,gpu      CACHEON_RUNNER_GROUP=1
# GITHUB_TOKEN: may make runners of that repository (Administration: write), and nothing else should hold it.
set -uo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
settings="${CACHEON_RUNNER_SETTINGS:-/etc/cacheon/runner}"
state="${CACHEON_RUNNER_STATE:-/var/lib/cacheon}"
api="${GITHUB_API_URL:-https://api.github.com}"
say() { echo "$(date --iso-8601=seconds) gpu-runner: $*" >&2; }
setting() { sed -n "s/^$1=//p" "$settings" | head -n1; }
[ -r "$settings" ] || { say "$settings cannot be read"; exit 2; }
[ -n "${GITHUB_TOKEN:-}" ] || { say "GITHUB_TOKEN is not set"; exit 2; }
repository=$(setting CACHEON_REPOSITORY)
home=$(setting CACHEON_RUNNER_HOME)
labels=$(setting CACHEON_RUNNER_LABELS)
group=$(setting CACHEON_RUNNER_GROUP)
[[ $repository =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$ ]] || { say "$settings names no CACHEON_REPOSITORY"; exit 2; }
[ -x "${home:=/opt/actions-runner}/run.sh" ] || { say "there is no runner in $home"; exit 2; }

# The token stays out of arguments: they are everybody's to read.
ask() { # method, path, body
  curl -sS --max-time 60 -X "$1" -K - -H 'Accept: application/vnd.github+json' -d "$3" -w '\n%{http_code}' "$api/$2" \
    <<<"header = \"Authorization: Bearer $GITHUB_TOKEN\""
}

# A configuration for one runner that takes one job; empty where GitHub gives none. A name is used once: an answer that was
# lost leaves a runner behind that GitHub forgets by itself.
one_runner() {
  local body answer status
  body=$(python3 -c 'import json,sys
print(json.dumps({"name": sys.argv[1], "runner_group_id": int(sys.argv[2]), "labels": sys.argv[3].split(","), "work_folder": "_work"}))' \
    "$(hostname)-$(date +%s)-$RANDOM" "${group:-1}" "${labels:-self-hosted,gpu}")
  answer=$(ask POST "repos/$repository/actions/runners/generate-jitconfig" "$body") || return 1
  status=${answer##*$'\n'}
  [ "$status" = 201 ] || { say "GitHub gave no runner (HTTP $status): $(head -c 200 <<<"$answer" | tr '\n' ' ')"; return 1; }
  python3 -c 'import json,sys; print(json.load(sys.stdin)["encoded_jit_config"])' <<<"${answer%$'\n'*}"
}

stopping=
runner=
trap 'stopping=1; [ -n "$runner" ] && kill -TERM "$runner" 2>/dev/null' TERM INT
pause=5
while [ -z "$stopping" ]; do
  if [ -e "$state/quarantine" ]; then
    say "quarantined: $(head -c 200 "$state/quarantine")"
    exit 1
  fi
  if config=$(one_runner) && [ -n "$config" ]; then
    pause=5
    say "waiting for a job"
    # No token in the job's environment: whatever runs there must not be able to make runners.
    (
      cd "$home" || exit 1
      unset GITHUB_TOKEN
      export ACTIONS_RUNNER_HOOK_JOB_STARTED="$here/runner-hook-started.sh" ACTIONS_RUNNER_HOOK_JOB_COMPLETED="$here/runner-hook-completed.sh"
      export CACHEON_QUARANTINE="$state/quarantine"
      exec ./run.sh --jitconfig "$config"
    ) &
    runner=$!
    wait "$runner"
    say "the runner ended with $?"
    runner=
    bash "$here/runner-hook.sh" completed || true
  else
    sleep "$pause" &
    wait $!
    pause=$((pause < 300 ? pause * 2 : 300))
  fi
  [ "${1:-}" = --once ] && break
done
