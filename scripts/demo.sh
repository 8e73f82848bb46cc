#!/usr/bin/env bash
# The whole competition on this machine. Arguments go to `cacheon demo`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
need_node
exec scripts/cacheon demo "$@"
