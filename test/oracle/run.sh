#!/bin/bash
# Random views against batch, and the fuzzer, on a server of their own.  See README.md.
#
#   test/oracle/run.sh oracle [VIEWS [SEED]]      run.sh fuzz [SECONDS [SEED]]      run.sh functions [SECONDS [SEED]]
#
# The last line begins with "ok", or something is "not ok"; the exit status says the same.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/stage.sh

program=${1:?oracle, fuzz or functions}
much=${2:-}
seed=${3:-}
case $program in
	oracle) arguments=(random_views.py --views "${much:-2000}" --least "${much:-2000}" --kill) ;;
	fuzz) arguments=(fuzz.py --seconds "${much:-600}") ;;
	functions) arguments=(functions.py --seconds "${much:-600}") ;;
	*) echo "run.sh: oracle, fuzz or functions, not $program" >&2; exit 2 ;;
esac
socket=
leave()
{
	trap "" INT TERM
	stage_end
	[ -z "$socket" ] || rm -rf "$socket"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
test/install.sh
echo "Building Weir in a private place"
stage_make
dir=$stage/oracle
as_user mkdir -p "$dir/out"
socket=$(as_user mktemp -d /tmp/weir-oracle.XXXXXX)
as_user initdb -D "$dir/data" -A trust -U postgres --encoding=UTF8 --no-locale >/dev/null
{ cat test/weir.conf; cat <<CONF; } | as_user tee -a "$dir/data/postgresql.conf" >/dev/null
unix_socket_directories = '$socket'
listen_addresses = ''
log_line_prefix = '%m [%p] %b %e '
weir.memory = '32MB'
CONF
as_user pg_ctl -D "$dir/data" -l "$dir/log" -w start >/dev/null
as_user psql -h "$socket" -U postgres -qc 'CREATE EXTENSION weir' postgres

attended as_user python3 -B "$stage/weir/test/oracle/${arguments[0]}" "host=$socket dbname=postgres user=postgres" \
	"${arguments[@]:1}" ${seed:+--seed "$seed"} --datadir "$dir/data" --log "$dir/log" --out "$dir/out" | tee "$stage/said"
as_user pg_ctl -D "$dir/data" -m fast stop >/dev/null
if [ "$stage" != "$root/tmp_check" ] && [ -n "$(ls "$dir/out")" ]; then
	mkdir -p "$root/tmp_check/oracle"
	cp "$dir/out"/* "$root/tmp_check/oracle/"
	echo "Scripts are in tmp_check/oracle."
fi
! grep -q '^not ok' "$stage/said" && grep -q '^ok' "$stage/said"
