#!/bin/bash
# Install the Debian packages that building and testing Weir need, and those named; quick when they are there.
set -euo pipefail

# command-or-file that proves it, and the package that brings it
needs=(
	build-essential pkg-config python3 procps util-linux
	postgresql-15 postgresql-server-dev-15 postgresql-15-hll postgresql-15-tdigest
	librdkafka-dev libipc-run-perl kcat openjdk-17-jre-headless maven
	"$@"
)

installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

missing=()
for p in "${needs[@]}"; do installed "$p" || missing+=("$p"); done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "These Debian packages are missing: ${missing[*]}" >&2
	echo "Install them, or run this as root to have it done." >&2
	exit 1
fi

echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt_get() { apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" </dev/null; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT

quietly() { "$@" >"$log" 2>&1 || { tail -30 "$log" >&2; return 1; }; }

# A PostgreSQL that comes along for the tests must not start a server.
if ! installed postgresql-common && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
	mkdir -p /etc/postgresql-common
	echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
fi

install=(install -y --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}")
apt-get -qq -s "${install[@]}" >/dev/null 2>&1 || quietly apt_get update
quietly apt_get "${install[@]}" || { quietly apt_get update && quietly apt_get "${install[@]}"; }
