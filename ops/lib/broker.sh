# A private RabbitMQ, from whatever scripts are here. Sourced, never run; it never touches the system's own node.
# shellcheck shell=bash
# The raw scripts of rabbitmq_server-*/sbin, since Debian's wrappers change to user rabbitmq and to the system's folders.

BROKER_LEAST=3.10

broker_key() { echo "oms-mq$KEY"; }
# A node of ops/cluster has its number in a file.
node_name() { echo "oms$(cat "$HOME_DIR/member" 2>/dev/null || true)@localhost"; }
broker_private_url() { echo "amqp://oms:$(password broker)@127.0.0.1:$BROKER_PORT/%2f"; }
broker_private_management_url() { echo "http://oms:$(password broker)@127.0.0.1:$MANAGEMENT_PORT"; }

# find_rabbitmq: sets MQ_SBIN and MQ_VERSION to the newest here, or fails; OPS_RABBITMQ_SBIN leaves no choice.
find_rabbitmq() {
  local sbin version
  MQ_SBIN='' MQ_VERSION=0
  for sbin in ${OPS_RABBITMQ_SBIN:-$(rabbitmq_folders)}; do
    [ -x "$sbin/rabbitmq-server" ] || continue
    sbin=$(dirname "$(readlink -f "$sbin/rabbitmq-server")")
    version=$(broker_version_of "$sbin")
    version_at_least "$MQ_VERSION" "${version:-0}" || { MQ_SBIN=$sbin MQ_VERSION=$version; }
  done
  if [ -z "$MQ_SBIN" ] && [ -n "${OPS_RABBITMQ_SBIN:-}" ]; then
    die "OPS_RABBITMQ_SBIN names $OPS_RABBITMQ_SBIN, which is not the sbin folder of a RabbitMQ"
  fi
  [ -n "$MQ_SBIN" ] || return 1
  version_at_least "$MQ_VERSION" "$BROKER_LEAST" ||
    die "RabbitMQ $MQ_VERSION in $MQ_SBIN is too old, $BROKER_LEAST or later is needed:" \
      "name a newer one in OPS_RABBITMQ_SBIN or OMS_AMQP_URL"
  has erl || die "RabbitMQ $MQ_VERSION is in $MQ_SBIN, but erl (Erlang) is not on the PATH"
}

# broker_launch: returns at once; broker_await waits.
broker_launch() {
  BROKER_BEGUN=$SECONDS
  find_rabbitmq || die "RabbitMQ is not installed any more"
  if ! all_gone "$(broker_key)"; then return; fi
  local home=$HOME_DIR/broker
  mkdir -p "$home"/{data,log,home}
  write_broker_files "$home"
  (
    cd "$home" || exit 1
    # shellcheck disable=SC1091
    . ./env
    # A relaxed epmd can be ended while a node that was killed is still in its list.
    "$(erlang_bin)/epmd" -port "$EPMD_PORT" -address 127.0.0.1 -relaxed_command_check -daemon
    # Distribution would listen on every interface. Not in env, since rabbitmqctl must not have it.
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
    detached "$MQ_SBIN/rabbitmq-server" -oms_instance "$(broker_key)" >log/out 2>&1 </dev/null
  )
  # A busy machine takes its time from fork to exec, and until then a node that begins looks like one that has died.
  wait_until 30 broker_begun || true
}

broker_await() {
  wait_until 120 broker_up_or_dead || true
  if broker_answers; then
    BROKER_SECONDS=$((SECONDS - BROKER_BEGUN))
    return
  fi
  tail -n 40 "$HOME_DIR/broker/log/out" >&2 || true
  die "RabbitMQ did not come up; its logs are in .local/services/$NAME/broker/log"
}

# The management port too, since users and permissions go through it.
broker_answers() {
  [ -n "$(broker_asked_version 127.0.0.1 "$BROKER_PORT" no)" ] && port_open 127.0.0.1 "$MANAGEMENT_PORT"
}

# broker_asked_version HOST PORT TLS: what the server says of itself before any login; nothing if it is no RabbitMQ.
broker_asked_version() {
  local hello='AMQP\0\0\011\001'
  if [ "$3" = yes ]; then
    { printf '%b' "$hello" && sleep 2; } | bounded 5 openssl s_client -quiet -connect "$1:$2" 2>/dev/null
  else
    # shellcheck disable=SC2016 # for the inner shell
    bounded 5 bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "%b" "$2" >&3 && dd bs=4096 count=1 <&3' "$1" "$2" "$hello" 2>/dev/null
  fi | tr -c '[:print:]' '\n' | awk '$0 == "versionS" {next_is = 1; next} next_is && NF {print; exit}' || true
}

# broker_halt: ends it in order, epmd last; kills what has not gone after 60 s, and says so.
broker_halt() {
  signal_all TERM "$(broker_key)"
  if ! wait_until 60 all_gone "$(broker_key)"; then
    warn "RabbitMQ of $NAME did not stop within 60 s and is killed"
    broker_kill
  fi
  end_epmd
}

broker_kill() {
  signal_all KILL "$(broker_key)"
  wait_until 10 all_gone "$(broker_key)" || die "RabbitMQ of $NAME survives SIGKILL: $(pids_of "$(broker_key)" | tr '\n' ' ')"
}

rabbitmq_folders() {
  local folder
  for folder in /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin /{opt/homebrew,usr/local}/opt/rabbitmq/sbin /opt/rabbitmq*/sbin; do
    [ ! -d "$folder" ] || echo "$folder"
  done
  if has rabbitmq-server; then dirname "$(readlink -f "$(command -v rabbitmq-server)")"; fi
}

# By the name of its own plugin; "rabbitmqctl version" leaves an epmd behind. Nothing for a folder of wrappers.
broker_version_of() {
  local plugin
  for plugin in "$1"/../plugins/rabbit-[0-9]*; do
    [ -e "$plugin" ] || continue
    plugin=${plugin##*/rabbit-}
    echo "${plugin%.ez}"
    return
  done
}

erlang_bin() { dirname "$(readlink -f "$(command -v erl)")"; }

detached() {
  if has setsid; then
    setsid nohup "$@" &
  else
    nohup "$@" &
  fi
}

# Or has died already, and said why.
broker_begun() { ! all_gone "$(broker_key)" || [ -s "$HOME_DIR/broker/log/out" ]; }

broker_up_or_dead() { broker_answers || broker_dead; }

# Asked twice: at the moment of an exec a process has no command line.
broker_dead() { all_gone "$(broker_key)" && sleep 0.5 && all_gone "$(broker_key)"; }

end_epmd() {
  has erl || return 0
  wait_until 5 epmd_gone || warn "epmd on port $EPMD_PORT does not stop"
}

epmd_gone() {
  "$(erlang_bin)/epmd" -port "$EPMD_PORT" -kill >/dev/null 2>&1 || true
  ! port_open 127.0.0.1 "$EPMD_PORT"
}

# join_files HOME: what a node of a cluster needs besides. Those that are cut off from the majority stop, as in production.
join_files() {
  echo 'cluster_partition_handling = pause_minority' >>"$1/rabbitmq.conf"
  # RabbitMQ refuses a cookie that others may read, and makes one of its own if there is none.
  local cookie=$1/home
  cookie=$cookie/.erlang.cookie
  rm -f "$cookie"
  (umask 277 && password cookie >"$cookie")
}

write_broker_files() {
  local home=$1
  cat >"$home/env" <<ENV
export HOME='$home/home' RABBITMQ_NODENAME=$(node_name) RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$BROKER_PORT
export RABBITMQ_DIST_PORT=$DISTRIBUTION_PORT ERL_EPMD_PORT=$EPMD_PORT ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_RELAXED_COMMAND_CHECK=1
export RABBITMQ_MNESIA_BASE='$home/data' RABBITMQ_LOG_BASE='$home/log' RABBITMQ_PID_FILE='$home/pid'
export RABBITMQ_ENABLED_PLUGINS_FILE='$home/plugins' RABBITMQ_CONFIG_FILE='$home/rabbitmq.conf'
export RABBITMQ_CONF_ENV_FILE='$home/env.conf' RABBITMQ_ADVANCED_CONFIG_FILE='$home/advanced.config'
ENV
  : >"$home/env.conf"
  echo '[rabbitmq_management,rabbitmq_prometheus].' >"$home/plugins"
  # The user is made at the node's first start only; guest is never made.
  (umask 077 && cat >"$home/rabbitmq.conf") <<CONF
default_user = oms
default_pass = $(password broker)
default_user_tags.administrator = true
default_permissions.configure = .*
default_permissions.write = .*
default_permissions.read = .*
management.tcp.ip = 127.0.0.1
management.tcp.port = $MANAGEMENT_PORT
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = $METRICS_PORT
disk_free_limit.absolute = 200MB
CONF
  if [ -e "$HOME_DIR/member" ]; then join_files "$home"; fi
}
