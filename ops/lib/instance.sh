# One named instance: where its files lie, which ports it has, by which way each service came. Sourced, never run.
# shellcheck shell=bash
# Needs NAME; sets HOME_DIR, KEY and, by read_ports or pick_ports, the six ports.

LOWEST_PORT=20000 # below 32768, where the kernel takes ports for outgoing connections and would race us
BLOCKS=2000
PORT_NAMES="DATABASE_PORT BROKER_PORT MANAGEMENT_PORT METRICS_PORT DISTRIBUTION_PORT EPMD_PORT"
DATABASE_PORT='' BROKER_PORT='' MANAGEMENT_PORT='' METRICS_PORT='' DISTRIBUTION_PORT='' EPMD_PORT=''

use_instance() {
  case $1 in
    *[!a-z0-9-]* | -* | '' | ?????????????????????????????????*)
      die "the name '$1' must be 1 to 32 of a-z, 0-9 and -, and not begin with -"
      ;;
  esac
  NAME=$1
  HOME_DIR=$LOCAL/services/$NAME
  # In the command line of every process of ours, so that they are found again without a pid file.
  KEY=:$NAME:$(checkout_hash)
}

# way SERVICE / set_way SERVICE WAY / forget_way SERVICE: private, compose or nothing, from start until stop.
way() { cat "$HOME_DIR/$1.way" 2>/dev/null || true; }
set_way() { mkdir -p "$HOME_DIR" && echo "$2" >"$HOME_DIR/$1.way"; }
forget_way() { rm -f "$HOME_DIR/$1.way"; }

# password WHOSE: made at first use, readable by its owner only.
password() {
  local file=$HOME_DIR/$1-password
  mkdir -p "$HOME_DIR"
  [ -s "$file" ] || (umask 077 && random_hex >"$file")
  cat "$file"
}

read_ports() {
  [ -s "$HOME_DIR/ports" ] || return 1
  local name value
  while IFS='=' read -r name value; do
    case " $PORT_NAMES " in *" $name "*) printf -v "$name" '%s' "$value" ;; esac
  done <"$HOME_DIR/ports"
}

# Starts at a place that depends on checkout and name, so that two of them seldom even look at the same ports.
pick_ports() {
  local block first tries=0
  block=$(printf '%s' "$ROOT$KEY" | cksum | awk -v n="$BLOCKS" '{print $1 % n}')
  while :; do
    first=$((LOWEST_PORT + block * 6))
    block_free "$first" && break
    block=$(((block + 1) % BLOCKS))
    tries=$((tries + 1))
    [ "$tries" -lt "$BLOCKS" ] || die "no six free ports in a row between $LOWEST_PORT and $((LOWEST_PORT + BLOCKS * 6))"
  done
  local name
  mkdir -p "$HOME_DIR"
  for name in $PORT_NAMES; do
    printf -v "$name" '%s' "$first"
    echo "$name=$first"
    first=$((first + 1))
  done >"$HOME_DIR/ports"
}

block_free() {
  local other port
  for other in "$LOCAL"/services/*/ports; do
    # Blocks never overlap by a part: the first port names the whole block.
    if [ "$other" != "$HOME_DIR/ports" ] && grep -qs "=$1\$" "$other"; then return 1; fi
  done
  for port in 0 1 2 3 4 5; do
    ! port_open 127.0.0.1 $(($1 + port)) || return 1
  done
}
