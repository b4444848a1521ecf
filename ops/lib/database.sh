# A private PostgreSQL, from whatever binaries are here. Sourced, never run; it never touches the system's own clusters.
# shellcheck shell=bash
# Durability stays as PostgreSQL ships it: the chaos tests kill it and count what is left.

DATABASE_LEAST=15

database_key() { echo "oms-db$KEY"; }
database_private_url() { echo "postgres://oms@127.0.0.1:$DATABASE_PORT/oms"; }
database_version_of() { "$1/postgres" --version | sed 's/[^0-9]*\([0-9][0-9.]*\).*/\1/'; }

# find_postgres: sets PG_BIN and PG_VERSION to the newest here, or fails; OPS_POSTGRES_BIN leaves no choice.
find_postgres() {
  local bin version
  PG_BIN='' PG_VERSION=0
  for bin in ${OPS_POSTGRES_BIN:-$(postgres_folders)}; do
    if [ ! -x "$bin/initdb" ] || [ ! -x "$bin/pg_ctl" ] || [ ! -x "$bin/postgres" ]; then continue; fi
    version=$(database_version_of "$bin")
    version_at_least "$PG_VERSION" "$version" || { PG_BIN=$bin PG_VERSION=$version; }
  done
  if [ -z "$PG_BIN" ] && [ -n "${OPS_POSTGRES_BIN:-}" ]; then
    die "OPS_POSTGRES_BIN names $OPS_POSTGRES_BIN, which has no initdb, pg_ctl and postgres"
  fi
  [ -n "$PG_BIN" ] || return 1
  version_at_least "$PG_VERSION" "$DATABASE_LEAST" ||
    die "PostgreSQL $PG_VERSION in $PG_BIN is too old, $DATABASE_LEAST or later is needed:" \
      "name a newer one in OPS_POSTGRES_BIN or OMS_DATABASE_URL"
}

# database_launch: starts it and waits until it answers (a second; after a crash, as long as recovery takes).
database_launch() {
  local begun=$SECONDS data
  find_postgres || die "PostgreSQL is not installed any more"
  PG_USER=$(postgres_user)
  place_database
  # The real path: what is linked to lies outside because user postgres cannot follow the link.
  data=$(cd "$HOME_DIR/database" && pwd -P)/data
  make_cluster "$data"
  settle_leftovers "$data"
  if ! all_gone "$(database_key)"; then return; fi
  write_settings "$data"
  if ! as_postgres "$PG_BIN/pg_ctl" -D "$data" -l "${data%/data}/log" -w -t 60 \
    -o "-c cluster_name=$(database_key)" start >/dev/null; then
    tail -n 20 "$HOME_DIR/database/log" >&2 || true
    die "PostgreSQL did not come up; its log is .local/services/$NAME/database/log"
  fi
  if [ -z "$(sql postgres "select 1 from pg_database where datname = 'oms'")" ]; then
    sql postgres 'create database oms' >/dev/null
  fi
  DATABASE_SECONDS=$((SECONDS - begun))
}

database_answers() { ! all_gone "$(database_key)" && port_open 127.0.0.1 "$DATABASE_PORT"; }

# database_halt: ends it in order; kills what has not gone after 30 s, and says so.
database_halt() {
  local master
  master=$(head -n 1 "$HOME_DIR/database/data/postmaster.pid" 2>/dev/null || true)
  # SIGINT is PostgreSQL's fast shutdown; only the first process may have it (for a child it means: cancel the query).
  if [ -n "$master" ] && pids_of "$(database_key)" | grep -qx "$master"; then kill -INT "$master"; fi
  wait_until 30 all_gone "$(database_key)" && return
  warn "PostgreSQL of $NAME did not stop within 30 s and is killed"
  database_kill
}

database_kill() {
  signal_all KILL "$(database_key)"
  wait_until 10 all_gone "$(database_key)" || die "PostgreSQL of $NAME survives SIGKILL: $(pids_of "$(database_key)" | tr '\n' ' ')"
}

# database_erase: also what place_database put elsewhere.
database_erase() {
  local elsewhere
  elsewhere=$(readlink "$HOME_DIR/database" 2>/dev/null || true)
  [ -z "$elsewhere" ] || rm -rf "$elsewhere" "$(dirname "$elsewhere")"
}

# sql DATABASE STATEMENT
sql() {
  local psql=psql
  [ ! -x "$PG_BIN/psql" ] || psql=$PG_BIN/psql
  PGCONNECT_TIMEOUT=5 "$psql" -X -qAt -h 127.0.0.1 -p "$DATABASE_PORT" -U oms -d "$1" -c "$2"
}

postgres_folders() {
  local folder
  for folder in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /{opt/homebrew,usr/local}/opt/postgresql*/bin /usr/local/pgsql/bin; do
    [ ! -d "$folder" ] || echo "$folder"
  done
  if has initdb; then dirname "$(readlink -f "$(command -v initdb)")"; fi
}

# PostgreSQL refuses root, so root lends it the system's user.
postgres_user() {
  if ! is_root; then
    id -un
  elif id postgres >/dev/null 2>&1; then
    echo postgres
  else
    die "PostgreSQL refuses to run as root, and there is no user named postgres here: run as another user"
  fi
}

as_postgres() {
  if is_root; then
    (cd / && runuser -u "$PG_USER" -- "$@")
  else
    "$@"
  fi
}

# Sets up HOME_DIR/database; where user postgres cannot pass the folders above it, as a link into /var/tmp.
place_database() {
  local there=$HOME_DIR/database outside
  mkdir -p "$HOME_DIR"
  if is_root && ! as_postgres test -x "$HOME_DIR"; then
    outside=/var/tmp/oms-$(checkout_hash)-$NAME
    # /var/tmp is everybody's: a folder of that name made by somebody else is not trusted.
    mkdir -m 755 "$outside" 2>/dev/null || { [ -O "$outside" ] && [ ! -L "$outside" ]; } ||
      die "$outside belongs to somebody else; remove it or use another --name"
    [ -L "$there" ] || say "user $PG_USER cannot enter .local/services/$NAME, so PostgreSQL's files go to $outside"
    ln -sfn "$outside/database" "$there"
    there=$outside/database
  fi
  mkdir -p "$there"
  chmod 700 "$there"
  ! is_root || chown "$PG_USER" "$there"
}

make_cluster() {
  local data=$1 made=$HOME_DIR/database/made
  if [ -e "$made" ]; then
    local before
    before=$(cat "$data/PG_VERSION")
    [ "$before" = "${PG_VERSION%%.*}" ] ||
      die "the data of $NAME was made by PostgreSQL $before and $PG_BIN is $PG_VERSION:" \
        "ops/services remove --name $NAME, or set OPS_POSTGRES_BIN"
    return
  fi
  # Without the mark an earlier initdb was cut off half way.
  rm -rf "$data"
  as_postgres "$PG_BIN/initdb" -D "$data" -U oms --auth=trust -E UTF8 --no-locale >"$HOME_DIR/initdb.log" 2>&1 || {
    tail -n 20 "$HOME_DIR/initdb.log" >&2
    die "initdb of PostgreSQL $PG_VERSION failed"
  }
  echo "include_if_exists = 'oms.conf'" >>"$data/postgresql.conf"
  : >"$made"
}

write_settings() {
  # No unix socket: a deep checkout would exceed the 107 bytes that its path may have.
  cat >"$1/oms.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $DATABASE_PORT
unix_socket_directories = ''
max_connections = 300
log_line_prefix = '%m [%p] %u@%d '
${OPS_POSTGRES_SETTINGS:-}
CONF
  ! is_root || chown "$PG_USER" "$1/oms.conf"
}

# After a crash: lets survivors finish or go, and removes a pid file whose number some other program may have by now.
settle_leftovers() {
  local key
  key=$(database_key)
  if all_gone "$key" || ! wait_until 5 database_settled; then
    signal_all KILL "$key"
    wait_until 10 all_gone "$key" || die "processes of an earlier PostgreSQL of $NAME cannot be ended: $(pids_of "$key" | tr '\n' ' ')"
  fi
  if all_gone "$key"; then rm -f "$1/postmaster.pid"; fi
}

database_settled() { all_gone "$(database_key)" || database_answers; }
