# Shared by the scripts in ops/: words, waiting, processes, locks. Sourced, never run; it installs and starts nothing.
# shellcheck shell=bash
# Written for bash 3.2 (macOS) as well: no associative arrays, no mapfile.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
LOCAL=$ROOT/.local
# A git hook exports these, and then `git init` elsewhere would write into this repository.
unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE GIT_OBJECT_DIRECTORY GIT_PREFIX

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "ops/$(basename "$0")" "$*" >&2
  exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }
has() { command -v "$1" >/dev/null 2>&1; }
# The checkout's own name in process lists and paths outside it.
checkout_hash() { printf '%s' "$ROOT" | cksum | awk '{printf "%08x", $1}'; }
random_hex() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# version_at_least HAVE WANT: by major and minor only ("17beta1" counts as 17.0).
version_at_least() {
  awk -v have="$1" -v want="$2" 'BEGIN {
    split(have, h, "."); split(want, w, ".")
    exit !(h[1] + 0 > w[1] + 0 || (h[1] + 0 == w[1] + 0 && h[2] + 0 >= w[2] + 0))
  }'
}

# bounded SECONDS COMMAND...: macOS has no timeout; there the command's own limits must do.
bounded() {
  if has timeout; then
    timeout "$@"
  elif has gtimeout; then
    gtimeout "$@"
  else
    shift
    "$@"
  fi
}

# shellcheck disable=SC2016 # for the inner shell
port_open() { bounded 3 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null; }

# pids_of KEY: every process with KEY in its command line, never the searching one (hence the bracket).
pids_of() {
  local pattern="[${1:0:1}]${1:1}"
  if [ -r /proc/self/cmdline ]; then
    { grep -la -- "$pattern" /proc/[0-9]*/cmdline 2>/dev/null || true; } | sed 's,^/proc/,,; s,/cmdline$,,'
  else
    ps -Aww -o pid=,command= | awk -v p="$pattern" '$0 ~ p {print $1}'
  fi
}

# signal_all SIGNAL KEY
signal_all() {
  local pids
  pids=$(pids_of "$2")
  # shellcheck disable=SC2086 # one word per process
  [ -z "$pids" ] || kill "-$1" $pids 2>/dev/null || true
}

# wait_until SECONDS COMMAND...: polls five times a second.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

all_gone() { [ -z "$(pids_of "$1")" ]; }

# What must happen however the script ends; the last one asked for runs first.
AT_EXIT=:
at_exit() {
  AT_EXIT="$1; $AT_EXIT"
  # shellcheck disable=SC2064 # the list as it stands now
  trap "$AT_EXIT" EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# take_lock DIRECTORY SECONDS: a directory, since macOS has no flock and a child would inherit its descriptor.
take_lock() {
  local end=$((SECONDS + $2)) holder
  mkdir -p "$(dirname "$1")"
  until mkdir "$1" 2>/dev/null; do
    holder=$(cat "$1/pid" 2>/dev/null || true)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
      rm -rf "$1"
      continue
    fi
    [ "$SECONDS" -lt "$end" ] || die "process ${holder:-unknown} holds $1 (waited $2 s); if it is not ours, remove that folder"
    sleep 0.2
  done
  echo $$ >"$1/pid"
  at_exit "rm -rf '$1'"
}
