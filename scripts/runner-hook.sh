#!/usr/bin/env bash
# Hooks of a self-hosted runner on a GPU machine (ACTIONS_RUNNER_HOOK_JOB_STARTED and _COMPLETED name it): admits the jobs of
# one repository that measure, at a commit of its main branch, and leaves nothing of a job behind.
#   runner-hook.sh started | completed      settings: /etc/cacheon/runner, as `CACHEON_REPOSITORY=owner/name` a line
set -uo pipefail
settings="${CACHEON_RUNNER_SETTINGS:-/etc/cacheon/runner}"
state="${CACHEON_RUNNER_STATE:-/var/lib/cacheon}"
refuse() {
  echo "cacheon runner: refused: $*" >&2
  exit 1
}
[ -r "$settings" ] || refuse "$settings cannot be read"
repository=$(sed -n 's/^CACHEON_REPOSITORY=//p' "$settings" | head -n1)
[[ $repository =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$ ]] || refuse "$settings names no CACHEON_REPOSITORY"
remote="${CACHEON_REMOTE:-https://github.com/$repository}"

# Whether a commit is on the main branch, by a mirror of our own: what the job says of itself proves nothing.
on_main() {
  local mirror="$state/mirror.git"
  [ -d "$mirror" ] || git init --quiet --bare "$mirror" || return 1
  timeout 120 git -C "$mirror" fetch --quiet --no-tags "$remote" +refs/heads/main:refs/heads/main || return 1
  git -C "$mirror" merge-base --is-ancestor "$1" refs/heads/main 2>/dev/null
}

started() {
  [ -e "$state/quarantine" ] && refuse "this host is quarantined: $(head -c 300 "$state/quarantine")"
  [ "${GITHUB_REPOSITORY:-}" = "$repository" ] || refuse "the job is of ${GITHUB_REPOSITORY:-no repository}"
  case "${GITHUB_EVENT_NAME:-}" in schedule | workflow_dispatch) ;; *) refuse "the event ${GITHUB_EVENT_NAME:-} starts no measuring" ;; esac
  case "${GITHUB_WORKFLOW_REF:-}" in
    "$repository/.github/workflows/round.yml@refs/heads/main" | "$repository/.github/workflows/rerun.yml@refs/heads/main") ;;
    *) refuse "the workflow ${GITHUB_WORKFLOW_REF:-} is none of those that measure" ;;
  esac
  [ "${GITHUB_JOB:-}" = evaluate ] || refuse "the job ${GITHUB_JOB:-} does not measure"
  [[ ${GITHUB_SHA:-} =~ ^[0-9a-f]{40}$ ]] || refuse "the job names no commit"
  on_main "$GITHUB_SHA" || refuse "$GITHUB_SHA is not on main of $repository"
  echo "cacheon runner: admitted ${GITHUB_JOB} at $GITHUB_SHA"
}

# Containers that a killed job left hold GPUs; its folders would be the next job's.
completed() {
  local containers
  containers=$(docker ps --all --quiet --filter label=cacheon.owner 2>/dev/null)
  # shellcheck disable=SC2086
  [ -z "$containers" ] || docker rm --force --volumes $containers >/dev/null
  local workspace="${RUNNER_WORKSPACE:-}"
  if [[ $workspace == /*/_work/* ]] && [ -d "$workspace" ]; then
    find "$workspace" -mindepth 1 -delete 2>/dev/null || true
  fi
  if [ -e "$state/quarantine" ]; then echo "cacheon runner: quarantined, no further job" >&2; else echo "cacheon runner: clean"; fi
}

mkdir -p "$state"
case "${1:-}" in started | completed) "$1" ;; *) refuse "say started or completed" ;; esac
