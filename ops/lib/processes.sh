# Background processes of ops/demo: started with a log, found again by their process ids, ended. Sourced, never run.
# shellcheck shell=bash
# Needs DEMO, the folder with log/ and pid/.

# start NAME COMMAND...: in the background, remembered by its process id.
start() {
  local name=$1
  shift
  "$@" >>"$DEMO/log/$name" 2>&1 </dev/null &
  echo $! >"$DEMO/pid/$name"
  # So that bash does not announce its end.
  disown
}

# said NAME PATTERN: what stands between the parentheses of PATTERN in a process's log, once it is there.
said() {
  local text
  wait_until 20 grep -Eqs "$2" "$DEMO/log/$1" || {
    tail -n 20 "$DEMO/log/$1" >&2
    die "$1 did not start; its log is $(shown "$DEMO/log/$1")"
  }
  text=$(sed -nE "s|.*$2.*|\\1|p" "$DEMO/log/$1" | tail -n 1)
  printf '%s' "$text"
}

# end_processes: only those that carry our own path or name, since a process id may be another's by now.
end_processes() {
  local pids
  kill_each TERM
  wait_until 8 all_ended || kill_each KILL
  wait_until 5 all_ended || {
    pids=$(own_pids | tr '\n' ' ')
    warn "these processes do not end: $pids"
  }
  rm -rf "$DEMO/pid"
}

kill_each() {
  local pid
  for pid in $(own_pids); do kill "-$1" "$pid" 2>/dev/null || true; done
}

own_pids() {
  local file pid
  for file in "$DEMO"/pid/*; do
    [ -e "$file" ] || continue
    pid=$(cat "$file")
    case $(words_of "$pid") in *"$DEMO/bin/"* | *ops/demo*) echo "$pid" ;; esac
  done
}

# The command line of a process; a small image may have no ps.
words_of() {
  if [ -r /proc/self/cmdline ]; then
    { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null || true
  else
    ps -p "$1" -o args= 2>/dev/null || true
  fi
}

all_ended() { [ -z "$(own_pids)" ]; }
