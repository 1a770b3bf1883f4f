#!/bin/bash
# Everything that proves Weir: regression, isolation and TAP tests in a private place.
#
#   test/check.sh [PATTERN...]    only tests whose name (regress/x, isolation/x, tap/x) matches
#
# WEIR_JOBS: how many at a time (2).  WEIR_KEEP=1: leave servers' data where they are.
# WEIR_PG=PREFIX: on the PostgreSQL that is installed there, of any version from 15 on.
# WEIR_NEW_PG=PREFIX: tap/upgrade goes on to the PostgreSQL that is installed there.
# The last line is "N passed, N failed[, N skipped]"; the exit status says the same.
set -uo pipefail
cd "$(dirname "$0")/.."
. test/stage.sh
patterns=("$@")
started=$SECONDS

test/install.sh || exit 1
# Kafka is fetched once, by whom all can read it; tests that need it say which broker they ran on.
if [ ! -x test/kafka/broker.sh ]; then
	:
elif test/kafka/broker.sh fetch; then
	echo "Kafka tests run on Apache Kafka"
else
	echo "Kafka tests run on librdkafka's emulation of a broker"
	export WEIR_KAFKA=mock
fi

trap 'trap "" INT TERM; jobs -p | xargs -r kill 2>/dev/null; stage_end' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
echo "Building with warnings as errors"
stage_make COPT=-Werror && { [ -z "${WEIR_NEW_PG:-}" ] || stage_new_pg COPT=-Werror; } ||
	{ echo "0 passed, 1 failed"; exit 1; }
copy=$stage/weir
pgxs_test=$(dirname "$("$bin/pg_config" --pgxs)")/../test
# Modules of another version do as well.
perl_modules=$pgxs_test/perl
[ -e "$perl_modules" ] || perl_modules=/usr/lib/postgresql/$pgversion/lib/pgxs/src/test/perl
results=$stage/results
: >"$results"

wanted()
{
	local p
	[ ${#patterns[@]} -gt 0 ] || return 0
	for p in "${patterns[@]}"; do [[ $1 == *$p* ]] && return 0; done
	return 1
}

# report STATE NAME SECONDS [REASON]
report()
{
	echo "$1 $2 ${4:-}" >>"$results"
	printf '%-6s %-32s %6s s  %s\n' "$1" "$2" "$3" "${4:-}"
}

# Other extensions run beside Weir where the server has them, as Debian's has.
beside()
{
	local name
	for name in pg_stat_statements auto_explain; do
		[ -e "$("$bin/pg_config" --pkglibdir)/$name.so" ] || { echo "Without $name, which this server has not"; return 1; }
	done
}

# pg_regress and pg_isolation_regress: one server, a line a test.
run_regress()
{
	local kind=$1 program=$2 inputdir=$3 out=$stage/$1 names=() more=() name line state ms reported=
	shift 3
	[ "$kind" = regress ] && beside && more=(--temp-config="$copy/test/beside.conf")
	for name in "$@"; do wanted "$kind/$name" && names+=("$name"); done
	[ ${#names[@]} -gt 0 ] || return 0
	as_user mkdir -p "$out" "$inputdir/expected"
	# Without an expected file pg_regress would stop; like this the test fails and shows its output.
	for name in "${names[@]}"; do as_user touch -a "$inputdir/expected/$name.out"; done
	# Versions before 16 print "test x ... ok 5 ms", later ones "ok 1 - x 5 ms".
	while read -r line; do
		if [[ $line =~ ^test\ +([^ ]+)\ +\.\.\.\ +(ok|FAILED)[^0-9]*([0-9]*) ]] ||
			[[ $line =~ ^(not\ )?ok\ +[0-9]+\ +[-+]\ +([^ ]+)\ +([0-9]*) ]]; then
			if [[ $line == test* ]]; then
				name=${BASH_REMATCH[1]} state=${BASH_REMATCH[2]}
			else
				name=${BASH_REMATCH[2]} state=ok
				[[ $line == not* ]] && state=FAILED
			fi
			ms=${BASH_REMATCH[3]:-0}
			reported+=" $name "
			report "${state/FAILED/FAIL}" "$kind/$name" "$((ms / 1000)).$((ms % 1000 / 100))"
		fi
	done < <(as_user timeout -k 10 "${WEIR_TEST_TIMEOUT:-900}" "$pgxs_test/$program" --inputdir="$inputdir" \
		--outputdir="$out" --temp-instance="$out/server" --temp-config="$copy/test/weir.conf" "${more[@]}" \
		--bindir="$bin" --dbname="weir_$kind" --encoding=UTF8 --no-locale \
		--load-extension=weir "${names[@]}" 2>&1 </dev/null | tee "$out/$kind.log")
	for name in "${names[@]}"; do
		[[ $reported == *" $name "* ]] || report FAIL "$kind/$name" 0 "did not run, see the log"
	done
	[ -z "$(collapses "$out/log")" ] || report FAIL "$kind/log" 0 "the server's log"
}

# collapses DIR: did a process of a server fall over, other than by kill -9?  Tests that crash servers would not notice.
# Without room for WAL PostgreSQL itself does.
collapses()
{
	find "$1" -name '*.log' -exec awk '
		/PANIC:.*No space left on device/ { panics++; next }
		/terminated by signal 6/ && panics > 0 { panics--; next }
		/TRAP:|PANIC:|AddressSanitizer|runtime error:|terminated by signal (4|6|7|8|11)([^0-9]|$)/' {} + | head -n 20
}

run_tap()
{
	local file=$1 name dir start=$SECONDS reason
	name=$(basename "$file" .pl)
	dir=$stage/tap/$name
	as_user mkdir -p "$dir" "$stage/ports"
	if (cd "$copy" && as_user TESTDIR="$dir" TESTLOGDIR="$dir/log" TESTDATADIR="$dir/tmp_check" \
		PG_REGRESS="$pgxs_test/regress/pg_regress" PG_TEST_PORT_DIR="$stage/ports" \
		TEMP_CONFIG="$copy/test/weir.conf" PG_TEST_TIMEOUT_DEFAULT="${PG_TEST_TIMEOUT_DEFAULT:-120}" \
		timeout -k 10 "${WEIR_TEST_TIMEOUT:-900}" \
		prove -v -I "$perl_modules" -I test/lib "$file") >"$dir/output" 2>&1 </dev/null; then
		if reason=$(grep -m1 -oP 'skipped: \K.*' "$dir/output"); then
			report SKIP "tap/$name" $((SECONDS - start)) "$reason"
		elif [ -n "$(collapses "$dir")" ]; then
			report FAIL "tap/$name" $((SECONDS - start)) "a server's log"
		else
			# What only some checks of a test left out is told beside it.
			reason=$(grep -oP '^ok \d+ # skip \K.*' "$dir/output" | sort | uniq -c |
				awk '{ n = $1; $1 = ""; printf "%s%d checks left out:%s", (NR > 1 ? "; " : ""), n, $0 }')
			report ok "tap/$name" $((SECONDS - start)) "$reason"
			[ -n "${WEIR_KEEP:-}" ] || rm -rf "$dir/tmp_check"
		fi
	else
		report FAIL "tap/$name" $((SECONDS - start))
	fi
}

# What a failed test left, short enough to read.
show_failure()
{
	local kind=${1%%/*} name=${1#*/}
	echo
	echo "=== $1"
	case $kind in
		tap)
			grep -v '^ok \|^# \(Running\|Checking\)' "$stage/tap/$name/output" | tail -n 40
			echo "--- $(basename "$stage/tap/$name"/tmp_check/log/regress_log*), the end"
			tail -n 4 "$stage/tap/$name"/tmp_check/log/regress_log* | cut -c1-400
			for log in "$stage/tap/$name"/tmp_check/log/*.log "$stage/tap/$name"/log/*.log; do
				[ -e "$log" ] || continue
				case $log in */regress_log*) continue ;; esac
				echo "--- $(basename "$log")"
				grep -aE 'WARNING|ERROR|FATAL|PANIC|TRAP|terminated|AddressSanitizer|runtime error:' "$log" | tail -n 15
			done ;;
		lint)
			echo "See above." ;;
		*)
			if ! awk -v n="/$name.out" '/^diff /{p = index($0, n)} p' "$stage/$kind/regression.diffs" 2>/dev/null |
				head -n 120 | grep .; then
				collapses "$stage/$kind/log"
				tail -n 20 "$stage/$kind/$kind.log" "$stage/$kind/log/postmaster.log" 2>/dev/null
			fi ;;
	esac
}

pool()
{
	while [ "$(jobs -rp | wc -l)" -ge "${WEIR_JOBS:-2}" ]; do wait -n; done
}

names() { local f; for f in "$1"/*."$2"; do [ -e "$f" ] && basename "$f" ".$2"; done; }

if wanted lint/lint; then
	if test/lint.sh "$copy/weir.so"; then report ok lint/lint 0; else report FAIL lint/lint 0; fi
fi
pool; run_regress regress regress/pg_regress "$copy" $(names sql sql) &
pool; run_regress isolation isolation/pg_isolation_regress "$copy/test/isolation" \
	$(names test/isolation/specs spec) &
for file in test/t/*.pl; do
	wanted "tap/$(basename "$file" .pl)" || continue
	pool; run_tap "$file" &
done
wait

count() { grep -c "^$1 " "$results"; }
failed=$(count FAIL)
grep '^FAIL ' "$results" | while read -r _ name _; do show_failure "$name"; done
if [ "$stage" != "$root/tmp_check" ] && [ "$failed" -gt 0 ]; then
	mkdir -p "$root/tmp_check"
	(cd "$stage" && find . -name output -o -name '*.log' -o -name '*.diffs' -o -path '*/results/*.out') |
		tar -C "$stage" -c -T - 2>/dev/null | tar -C "$root/tmp_check" -x
fi
[ "$failed" -eq 0 ] || echo "Logs are under tmp_check."
[ "$(count SKIP)" -eq 0 ] || { echo "Skipped:"; sed -n 's/^SKIP /  /p' "$results"; }
passed=$(count ok) skipped=$(count SKIP)
stage_end
echo "Took $((SECONDS - started)) s."
echo "$passed passed, $failed failed$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
