# Servers that the environment names. Sourced, never run; it only asks whether they answer and how old they are.
# shellcheck shell=bash

# given broker|database: true if the environment names one that is not our own (as after eval "$(ops/services env)").
given() {
  case $1 in
    broker) case ${OMS_AMQP_URL:-} in '' | "amqp://oms:"*"@127.0.0.1:${BROKER_PORT:-none}/"*) return 1 ;; esac ;;
    database) case ${OMS_DATABASE_URL:-} in '' | "postgres://oms"*"@127.0.0.1:${DATABASE_PORT:-none}/oms") return 1 ;; esac ;;
  esac
}

check_given_broker() {
  # Of the nodes of a cluster the first is asked.
  local address=${OMS_AMQP_URL%%,amqp*} tls=no port=5672 host version
  address=${address#*://}
  case $OMS_AMQP_URL in
    amqp://*) ;;
    amqps://*) tls=yes port=5671 ;;
    *) die "OMS_AMQP_URL must begin with amqp:// or amqps://" ;;
  esac
  split_address "$address" "$port"
  host=$GIVEN_HOST port=$GIVEN_PORT
  version=$(broker_asked_version "$host" "$port" "$tls")
  [ -n "$version" ] || die "no RabbitMQ answers on $host:$port (from OMS_AMQP_URL)"
  version_at_least "$version" "$BROKER_LEAST" ||
    die "RabbitMQ $version on $host:$port (from OMS_AMQP_URL) is too old, $BROKER_LEAST or later is needed"
  say "RabbitMQ $version on $host:$port (from OMS_AMQP_URL$([ -n "${OMS_RABBITMQ_MANAGEMENT_URL:-}" ] || echo "; OMS_RABBITMQ_MANAGEMENT_URL is not set"))"
}

check_given_database() {
  local psql=psql answer
  case $OMS_DATABASE_URL in postgres://* | postgresql://*) ;; *) die "OMS_DATABASE_URL must begin with postgres://" ;; esac
  split_address "${OMS_DATABASE_URL#*://}" 5432
  if find_postgres_client; then psql=$PSQL; else
    port_open "$GIVEN_HOST" "$GIVEN_PORT" || die "nothing answers on $GIVEN_HOST:$GIVEN_PORT (from OMS_DATABASE_URL)"
    say "PostgreSQL on $GIVEN_HOST:$GIVEN_PORT (from OMS_DATABASE_URL; its version is unknown, since psql is not installed here)"
    return
  fi
  answer=$(PGCONNECT_TIMEOUT=5 "$psql" -X -qAt -d "$OMS_DATABASE_URL" -c 'show server_version' 2>&1) ||
    die "PostgreSQL on $GIVEN_HOST:$GIVEN_PORT (from OMS_DATABASE_URL) does not answer: $(printf '%s' "$answer" | head -n 1)"
  answer=${answer%% *}
  version_at_least "$answer" "$DATABASE_LEAST" ||
    die "PostgreSQL $answer on $GIVEN_HOST:$GIVEN_PORT (from OMS_DATABASE_URL) is too old, $DATABASE_LEAST or later is needed"
  say "PostgreSQL $answer on $GIVEN_HOST:$GIVEN_PORT (from OMS_DATABASE_URL)"
}

# split_address USER:PASSWORD@HOST:PORT/REST PORT: sets GIVEN_HOST and GIVEN_PORT; nothing else of an URL may be shown.
split_address() {
  local address=${1%%[/?]*}
  address=${address##*@}
  GIVEN_PORT=$2
  case $address in
    \[*\]) GIVEN_HOST=$address ;;
    *:*) GIVEN_HOST=${address%:*} GIVEN_PORT=${address##*:} ;;
    *) GIVEN_HOST=$address ;;
  esac
  GIVEN_HOST=${GIVEN_HOST#[} GIVEN_HOST=${GIVEN_HOST%]}
}

find_postgres_client() {
  local folder
  PSQL=psql
  has psql && return
  for folder in ${OPS_POSTGRES_BIN:-} $(postgres_folders); do
    if [ -x "$folder/psql" ]; then
      PSQL=$folder/psql
      return
    fi
  done
  return 1
}
