# Debian and Ubuntu packages, as root only. Sourced, never run. It never starts a server that it installs: the private
# instances are ours, the system's are the administrator's.
# shellcheck shell=bash

POLICY=/usr/sbin/policy-rc.d
NO_CLUSTER=/etc/postgresql-common/createcluster.d/oms-services.conf

can_apt() { is_root && has apt-get; }

# install_or_say COMMAND PACKAGE WHY: makes COMMAND exist, or names what the reader has to install.
install_or_say() {
  has "$1" && return
  can_apt || die "$1 is missing ($3); install it (on Debian or Ubuntu: sudo apt-get install -y $2) and try again"
  apt_install "$2"
}

# install_compilers: what cargo needs besides Rust.
install_compilers() {
  install_or_say cc build-essential "Rust links with it"
  install_or_say make build-essential "jemalloc is built with it"
}

# apt_install PACKAGE...
apt_install() {
  local log=$LOCAL/apt.log begun=$SECONDS
  mkdir -p "$LOCAL"
  say "installing $* with apt-get (we are root; log in .local/apt.log)"
  if ! { apt_get update && apt_get install --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    die "apt-get could not install $*; the whole log is .local/apt.log"
  fi
  say "installed $* in $((SECONDS - begun)) s"
}

# apt_install_servers PACKAGE...: as apt_install, but nothing that the packages bring is started.
apt_install_servers() {
  at_exit allow_system_servers
  hold_system_servers
  apt_install "$@"
  allow_system_servers
}

# candidate PACKAGE: the version that apt would install, without epoch and Debian revision.
candidate() {
  local lists
  # An image fresh from its registry has no lists, and then every package looks absent.
  lists=$(find /var/lib/apt/lists -name '*_Packages*' 2>/dev/null | head -n 1)
  [ -n "$lists" ] || apt_get update >/dev/null 2>&1 || true
  apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" {sub(/^[0-9]+:/, "", $2); sub(/[-+].*/, "", $2); print $2}'
}

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=120 "$@"; }

hold_system_servers() {
  local answer=0
  if [ -x "$POLICY" ]; then
    "$POLICY" rabbitmq-server start >/dev/null 2>&1 || answer=$?
  fi
  if [ "$answer" != 101 ]; then
    [ ! -e "$POLICY" ] || mv "$POLICY" "$POLICY.before-oms"
    printf '%s\n' '#!/bin/sh' '# For one installation by ops/services; remove it if it is still here afterwards.' 'exit 101' >"$POLICY"
    chmod 755 "$POLICY"
  fi
  # Read by the package's own script; without it a cluster is made that nobody asked for.
  mkdir -p "$(dirname "$NO_CLUSTER")"
  echo 'create_main_cluster = false' >"$NO_CLUSTER"
}

allow_system_servers() {
  rm -f "$NO_CLUSTER"
  if grep -qs 'one installation by ops/services' "$POLICY"; then rm -f "$POLICY"; fi
  if [ -e "$POLICY.before-oms" ]; then mv "$POLICY.before-oms" "$POLICY"; fi
}
