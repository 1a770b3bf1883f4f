#!/bin/bash
# The benchmark: every target of Weir beside what PostgreSQL and kcat do with the same rows, in the same run.
#
#   test/bench/run.sh [--quick] [PATTERN...]    only the lines whose name contains a pattern
#
# A whole full run writes its tables into doc/performance.md.  Exit status 1: a line failed or a view is wrong.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/stage.sh

test/install.sh
test/kafka/broker.sh fetch || true
dir= socket=
leave()		# only the log and the tables stay, in a stage that is kept
{
	trap "" INT TERM
	stage_end
	[ ! -d "$dir" ] || find "$dir" -mindepth 1 -maxdepth 1 ! -name log ! -name tables.md -exec rm -rf {} +
	[ -z "$socket" ] || rm -rf "$socket"
}
trap leave EXIT
trap 'exit 130' INT TERM
echo "Building Weir in a private place"
stage_make
dir=$stage/bench
as_user mkdir -p "$dir"
[ ${#dir} -lt 90 ] || socket=$(as_user mktemp -d /tmp/weir-bench.XXXXXX)
export PGHOST=${socket:-$dir} PGDATABASE=postgres PGUSER=postgres
as_user initdb -D "$dir/data" -A trust -U postgres --encoding=UTF8 --no-locale >/dev/null
{ cat test/bench/server.conf; echo "unix_socket_directories = '$PGHOST'"; } |
	as_user tee -a "$dir/data/postgresql.conf" >/dev/null
as_user pg_ctl -D "$dir/data" -l "$dir/log" -w start >/dev/null

status=0
as_user timeout -k 10 3600 python3 -B "$stage/weir/test/bench/bench.py" "$dir" "$@" </dev/null || status=$?
as_user pg_ctl -D "$dir/data" -m fast stop >/dev/null
[ $status -eq 0 ] || grep -E 'WARNING|ERROR|FATAL|PANIC' "$dir/log" | tail -10

page=$root/doc/performance.md
if [ $status -eq 0 ] && [ $# -eq 0 ] && [ -w "$page" ]; then
	{ sed '/<!-- begin: make bench -->/q' "$page"; cat "$dir/tables.md"; sed -n '/<!-- end: make bench -->/,$p' "$page"; } >"$stage/page"
	cat "$stage/page" >"$page"
	echo "Written into doc/performance.md"
fi
exit $status
