#!/bin/bash
# See Weir work: a throwaway server and a Kafka broker, NEXMark's bids from a topic, visits by INSERT,
# a worker killed with -9 on the way, and a comparison with batch queries at the end.
#
# RATE: bids a second (4000).  PERIOD: seconds (60).
set -euo pipefail
cd "$(dirname "$0")/.."
. test/stage.sh
RATE=${RATE:-4000} PERIOD=${PERIOD:-60}

test/install.sh
test/kafka/broker.sh fetch || true
trap 'trap "" INT TERM; stage_end' EXIT
trap 'exit 130' INT TERM
echo "Building Weir in a private place"
stage_make
dir=$stage/demo
as_user mkdir -p "$dir"
socket=$dir
[ ${#dir} -lt 90 ] || socket=$(as_user mktemp -d /tmp/weir-demo.XXXXXX)

echo "Starting PostgreSQL and Kafka"
as_user initdb -D "$dir/data" -A trust -U "$(id -un "${stage_user:-$(id -u)}")" --encoding=UTF8 --no-locale >/dev/null
as_user tee -a "$dir/data/postgresql.conf" >/dev/null <<EOF
shared_preload_libraries = 'weir'
listen_addresses = ''
unix_socket_directories = '$socket'
max_worker_processes = 32
timezone = 'UTC'
EOF
as_user pg_ctl -D "$dir/data" -l "$dir/log" -w start >/dev/null
broker=$stage/weir/test/kafka/broker.sh
as_user mkdir -p "$dir/kafka"
as_user "$broker" start "$dir/kafka" >/dev/null

status=0
as_user python3 -B test/demo/demo.py "host=$socket dbname=postgres" "$broker" "$dir/kafka" "$RATE" "$PERIOD" || status=$?
as_user "$broker" stop "$dir/kafka"
as_user pg_ctl -D "$dir/data" -m fast stop >/dev/null
[ $status -eq 0 ] || { grep -E 'WARNING|ERROR|FATAL|PANIC' "$dir/log" | tail -5; exit $status; }
cat <<'EOF'

Nothing of this runs any more.  To try it by hand, on a server of your own:

  make && sudo make install
  shared_preload_libraries = 'weir'        in postgresql.conf, then restart the server
  psql
    CREATE EXTENSION weir;
    CREATE FOREIGN TABLE visits (page text, ms int) SERVER weir;
    CREATE VIEW pages AS SELECT page, count(*), avg(ms) FROM visits GROUP BY page;
    INSERT INTO visits VALUES ('/home', 12), ('/cart', 31), ('/home', 8);
    TABLE pages;
EOF
