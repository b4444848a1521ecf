# The two services as containers, where nothing is installed but a container engine answers. Sourced, never run.
# shellcheck shell=bash

compose_service() { case $1 in broker) echo rabbitmq ;; database) echo postgres ;; esac; }

compose_usable() {
  has docker && bounded 10 docker info >/dev/null 2>&1 && { docker compose version >/dev/null 2>&1 || has docker-compose; }
}

# compose ARGUMENT...: the root's docker-compose.yml with this instance's ports and passwords.
compose() {
  local program=docker-compose
  if docker compose version >/dev/null 2>&1; then program='docker compose'; fi
  # shellcheck disable=SC2086 # one or two words
  OPS_BROKER_PASSWORD=$(password broker) OPS_DATABASE_PASSWORD=$(password database) \
    OPS_BROKER_PORT=$BROKER_PORT OPS_BROKER_MANAGEMENT_PORT=$MANAGEMENT_PORT OPS_BROKER_METRICS_PORT=$METRICS_PORT \
    OPS_DATABASE_PORT=$DATABASE_PORT OPS_GRAFANA_PASSWORD=not-started-from-here \
    $program -p "oms-$(checkout_hash)-$NAME" -f "$ROOT/docker-compose.yml" "$@"
}

# check_compose: whether the file is one, for an engine that need not be here.
check_compose() {
  local program=docker-compose
  if docker compose version >/dev/null 2>&1; then
    program='docker compose'
  else
    install_or_say docker-compose docker-compose "it judges docker-compose.yml; no engine is needed for that"
  fi
  # shellcheck disable=SC2086 # one or two words
  OPS_BROKER_PASSWORD=a OPS_DATABASE_PASSWORD=b OPS_GRAFANA_PASSWORD=c OMS_PAYMENT_KEY=d \
    $program -f "$ROOT/docker-compose.yml" --profile demo config --quiet
  # A password that is missing must be named, not be empty.
  # shellcheck disable=SC2086
  if env -u OPS_BROKER_PASSWORD OPS_DATABASE_PASSWORD=b OPS_GRAFANA_PASSWORD=c \
    $program -f "$ROOT/docker-compose.yml" config --quiet >/dev/null 2>&1; then
    die "docker-compose.yml lets RabbitMQ start without OPS_BROKER_PASSWORD"
  fi
  say "$($program version | head -n 1): docker-compose.yml is well formed"
}

compose_launch() {
  compose up -d "$(compose_service "$1")" >"$LOCAL/compose.log" 2>&1 </dev/null || {
    tail -n 20 "$LOCAL/compose.log" >&2
    die "the container of $(compose_service "$1") did not come up"
  }
}

# An image is fetched by up itself; what is waited for here is the server's own start.
compose_await() {
  wait_until 120 "compose_$1_answers" && return
  compose logs --tail 20 "$(compose_service "$1")" >&2 || true
  die "the container of $(compose_service "$1") runs but does not answer"
}

compose_broker_answers() { broker_answers; }
compose_database_answers() { compose exec -T postgres pg_isready -q -h 127.0.0.1 -U oms -d oms >/dev/null 2>&1 </dev/null; }
compose_database_version() { compose exec -T postgres postgres --version </dev/null | sed 's/[^0-9]*\([0-9][0-9.]*\).*/\1/'; }
compose_database_url() { echo "postgres://oms:$(password database)@127.0.0.1:$DATABASE_PORT/oms"; }
