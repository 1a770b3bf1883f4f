#!/bin/bash
# The first figures: Weir beside what PostgreSQL and kcat do with the same rows, in the same run.
#
# ROWS (10000000), KEYS (1000), PERIOD of each pgbench run (10 s), MESSAGES (2000000)
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/stage.sh
ROWS=${ROWS:-10000000} KEYS=${KEYS:-1000} PERIOD=${PERIOD:-10} MESSAGES=${MESSAGES:-2000000}

test/install.sh
[ ! -x test/kafka/broker.sh ] || test/kafka/broker.sh fetch || true
trap 'trap "" INT TERM; stage_end' EXIT
trap 'exit 130' INT TERM
stage_make
dir=$stage/bench
as_user mkdir -p "$dir"
export PGHOST=$dir PGDATABASE=postgres
[ ${#dir} -lt 90 ] || PGHOST=$(as_user mktemp -d /tmp/weir-bench.XXXXXX)
as_user initdb -D "$dir/data" -A trust --encoding=UTF8 --no-locale >/dev/null
as_user tee -a "$dir/data/postgresql.conf" >/dev/null <<EOF
shared_preload_libraries = 'weir'
listen_addresses = ''
unix_socket_directories = '$PGHOST'
max_worker_processes = 32
max_connections = 100
shared_buffers = '1GB'
max_wal_size = '8GB'
EOF
as_user pg_ctl -D "$dir/data" -l "$dir/log" -w start >/dev/null
sql() { as_user psql -XqAt -v ON_ERROR_STOP=1 "$@"; }
now() { date +%s.%N; }
lines=()
# result WHAT WEIR OTHER UNIT "what other is"; more is better
result()
{
	lines+=("$(awk -v w="$1" -v a="$2" -v b="$3" -v u="$4" -v o="$5" \
		'BEGIN { printf "%-44s %12.0f %12.0f %-10s %6.2f  %s", w, a, b, u, a / b, o }')")
	echo "${lines[-1]}"
}
sql -c 'CREATE EXTENSION weir; CREATE EXTENSION file_fdw'

echo "COPY: $ROWS rows, $KEYS groups"
query='k, count(*), sum(x), min(x), max(x), avg(y)'
sql -c "COPY (SELECT (i * 7919::bigint) % $KEYS, i, i / 8.0 FROM generate_series(1, $ROWS) i) TO '$dir/rows.csv' CSV"
sql <<EOF
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE file (k int, x bigint, y float8) SERVER files OPTIONS (filename '$dir/rows.csv', format 'csv');
CREATE FOREIGN TABLE s (k int, x bigint, y float8) SERVER weir;
CREATE VIEW v AS SELECT $query FROM s GROUP BY k;
EOF
for round in 1 2 3; do
	t0=$(now)
	# q as a whole row: else the planner leaves out what nobody reads.
	sql -c "SELECT count(q) FROM (SELECT $query FROM file GROUP BY k) q" >/dev/null
	t1=$(now)
	sql -c "COPY s FROM '$dir/rows.csv' CSV"
	t2=$(now)
	batch="${batch:-} $(awk "BEGIN { print $ROWS / ($t1 - $t0) }")"
	weir="${weir:-} $(awk "BEGIN { print $ROWS / ($t2 - $t1) }")"
	[ $round -eq 3 ] || sql -c "SELECT weir.truncate('v')" >/dev/null
done
median() { tr ' ' '\n' <<<"$1" | grep . | sort -g | sed -n 2p; }
result "COPY into one grouped view" "$(median "$weir")" "$(median "$batch")" rows/s "same query over file_fdw"
diff=$(sql -c "SELECT count(*) FROM (SELECT k, count, sum, min, max, round(avg::numeric, 3) FROM v EXCEPT ALL
	SELECT k, count(*), sum(x), min(x), max(x), round(avg(y)::numeric, 3) FROM file GROUP BY k) d")
[ "$diff" = 0 ] || { echo "The view differs from the batch query in $diff rows."; exit 1; }
rm -f "$dir/rows.csv"

echo "INSERT: one row a transaction, $PERIOD s a run"
sql -c "DROP VIEW v; CREATE VIEW v AS SELECT $query FROM s GROUP BY k; CREATE TABLE t (k int, x bigint, y float8)"
for target in s t; do
	as_user tee "$dir/$target.sql" >/dev/null <<EOF
\\set k random(1, $KEYS)
INSERT INTO $target (k, x, y) VALUES (:k, :client_id, 1.5);
EOF
done
tps() { as_user pgbench -n -M prepared -c "$2" -j "$(nproc)" -T "$PERIOD" -f "$dir/$1.sql" 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p'; }
for clients in 1 8 32; do
	plain=$(tps t $clients)
	result "synchronous single-row INSERT, $clients client(s)" "$(tps s $clients)" "$plain" tps "ordinary table"
done

if [ -x test/kafka/broker.sh ]; then
	broker="as_user $stage/weir/test/kafka/broker.sh"
	as_user mkdir -p "$dir/kafka"
	$broker start "$dir/kafka" >/dev/null
	bootstrap=$(cat "$dir/kafka/bootstrap")
	echo "Kafka: $MESSAGES JSON messages on $(cat "$dir/kafka/kind")"
	$broker topic create "$dir/kafka" events 1
	awk -v n="$MESSAGES" -v g="$KEYS" 'BEGIN { for (i = 1; i <= n; i++)
		printf "{\"k\": %d, \"x\": %d, \"y\": %.3f, \"channel\": \"channel-%d\", \"url\": \"https://www.nexmark.com/item.htm?query=%d\", \"date_time\": \"2026-03-01 %02d:%02d:%02d.000\"}\n",
			i % g, i, i / 8, i % 100, i % 1000, i / 3600 % 24, i / 60 % 60, i % 60 }' |
		$broker produce "$dir/kafka" events
	t0=$(now)
	as_user kcat -C -b "$bootstrap" -t events -o beginning -e -q >/dev/null
	t1=$(now)
	raw=$(awk "BEGIN { print $MESSAGES / ($t1 - $t0) }")
	sql -c "CREATE SERVER kafka FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap')"
	sql -c "CREATE FOREIGN TABLE events (k int, x bigint, y float8, channel text, url text, date_time timestamp)
		SERVER kafka OPTIONS (topic 'events', format 'json', startup 'earliest')"
	t0=$(now)
	sql -c "CREATE VIEW from_kafka AS SELECT $query FROM events GROUP BY k"
	until [ "$(sql -c 'SELECT coalesce(sum(count), 0) >= '"$MESSAGES"' FROM from_kafka')" = t ]; do sleep 0.05; done
	t1=$(now)
	result "Kafka JSON, six fields, into a grouped view" "$(awk "BEGIN { print $MESSAGES / ($t1 - $t0) }")" "$raw" messages/s "kcat, raw consumption"
	$broker stop "$dir/kafka"
fi
as_user pg_ctl -D "$dir/data" -m fast stop >/dev/null

echo
printf '%-44s %12s %12s %-10s %6s\n' "$(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1 | cut -c1-36)" Weir beside unit ratio
printf '%s\n' "${lines[@]}"
