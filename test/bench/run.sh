#!/bin/bash
# The benchmark: Weir beside what PostgreSQL and kcat do with the same rows, in the same run.
#
#   test/bench/run.sh targets|scale [--quick] [PATTERN...]     only the lines whose name contains a pattern
#
# targets: every target (make bench); scale: how cost grows (make bench-scale).  A whole full run writes its tables into
# doc/performance.md, and its files into doc/.  Exit status 1: a line failed or a view is wrong.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/stage.sh

program=${1:?targets or scale}
shift
case $program in
	targets) make=bench packages=() ;;
	scale) make=bench-scale packages=(python3-matplotlib) ;;
	*) echo "run.sh: targets or scale, not $program" >&2; exit 2 ;;
esac
dir= socket=
leave()		# only the log, the tables and the files stay, in a stage that is kept
{
	trap "" INT TERM
	stage_end
	[ ! -d "$dir" ] || find "$dir" -mindepth 1 -maxdepth 1 ! -name log ! -name tables.md ! -name doc -exec rm -rf {} +
	[ -z "$socket" ] || rm -rf "$socket"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
test/install.sh "${packages[@]}"
attended test/kafka/broker.sh fetch || true
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

# Debian's Python: modules that are installed above are for it.
status=0
attended as_user timeout --foreground -k 10 3600 /usr/bin/python3 -B "$stage/weir/test/bench/$program.py" "$dir" "$@" ||
	status=$?
as_user pg_ctl -D "$dir/data" -m fast stop >/dev/null
[ $status -eq 0 ] || grep -E 'WARNING|ERROR|FATAL|PANIC' "$dir/log" | tail -10

page=$root/doc/performance.md
if [ $status -eq 0 ] && [ $# -eq 0 ] && [ -w "$page" ]; then
	{
		sed "/<!-- begin: make $make -->/q" "$page"
		cat "$dir/tables.md"
		sed -n "/<!-- end: make $make -->/,\$p" "$page"
	} >"$stage/page"
	cat "$stage/page" >"$page"
	[ ! -d "$dir/doc" ] || cp "$dir"/doc/* "$root/doc/"
	echo "Written into doc/performance.md"
fi
exit $status
