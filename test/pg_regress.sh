#!/bin/bash
# PostgreSQL's own regression tests on a server that has weir preloaded, in a database that has it:
# what does not use Weir must not notice it.
#
#   test/pg_regress.sh [TEST...]    the whole parallel schedule, or these tests after test_setup
#
# PGSRC=DIR: PostgreSQL's source tree.  Without it, root fetches the source package of the installed
# version, or of the next best one of the same major version, without touching apt's configuration.
# When the source is not of the installed version, root also fetches the server of the source's
# version, into the private place: tests and server belong together.
#
# A test whose output is not PostgreSQL's passes in two cases only, and is told apart each time:
#
#   listed  pg_regress.expected says why, and the output is the same with a twin of the extension:
#           the same objects in the catalogs, but weir not loaded
#   same    the output is the same on a server without any of it, as when no server of the source's
#           version can be had: then it is not for Weir
#
# The last line is "N passed, N failed", as for check.sh; the exit status says the same.
set -uo pipefail
cd "$(dirname "$0")/.."
. test/stage.sh
. test/source.sh
tests=("$@")
started=$SECONDS
listed=$root/test/pg_regress.expected
jobs=${WEIR_JOBS:-2}

# ---- The source, and a server of its version ----

# fetch_server VERSION: it and its headers, in place of those in the stage.
fetch_server()
{
	local version package
	apt_lists || return 1
	version=$(apt-cache "${apt[@]}" madison "postgresql-$pgversion" |
		awk -v v="$1-" 'index($3, v) == 1 { print $3; exit }')
	[ -n "$version" ] || return 1
	for package in postgresql postgresql-client postgresql-server-dev; do
		(cd "$packages" && apt-get "${apt[@]}" download "$package-$pgversion=$version") \
			>>"$packages/log" 2>&1 || return 1
	done
	rm "$stage/pg/usr/include/postgresql"
	for package in "$packages"/*.deb; do dpkg-deb -x "$package" "$stage/pg" || return 1; done
}

server_version() { "$bin/postgres" --version | awk '{ print $3 }'; }

# Sets source and version; called by stage_make.
stage_server()
{
	source=${PGSRC:-$stage/source}
	packages=$stage/packages
	if [ -z "${PGSRC:-}" ]; then
		[ "$(id -u)" -eq 0 ] || { echo "Only root can fetch the source; PGSRC=DIR names one." >&2; return 1; }
		fetch_source "$source" || { echo "The source of PostgreSQL cannot be fetched." >&2; return 1; }
	fi
	[ -e "$source/src/test/regress/parallel_schedule" ] || { echo "No PostgreSQL source in $source" >&2; return 1; }
	version=$(sed -n "s/^PACKAGE_VERSION='\(.*\)'/\1/p" "$source/configure")
	if [ "$version" != "$(server_version)" ] && [ "$(id -u)" -eq 0 ]; then
		echo "The source is $version, the server $(server_version): fetching that server"
		fetch_server "$version" || echo "There is none."
	fi
}

test/install.sh || exit 1
trap 'trap "" INT TERM; jobs -p | xargs -r kill 2>/dev/null; stage_end' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
stage_make || { echo "0 passed, 1 failed"; exit 1; }
copy=$stage/weir
driver=$(dirname "$("$bin/pg_config" --pgxs)")/../test/regress/pg_regress
suite=$stage/suite

# ---- The suite and its libraries ----

cp -r "$source/src/test/regress" "$suite"
cp "$source"/contrib/spi/{refint,autoinc}.c "$suite/" 2>/dev/null
mkdir -p "$suite/lib"
for f in regress refint autoinc; do [ -e "$suite/$f.c" ] && mv "$suite/$f.c" "$suite/lib/"; done
cat >"$suite/lib/Makefile" <<'EOF'
PG_CPPFLAGS = -DREFINT_VERBOSE
MODULES = $(basename $(wildcard *.c))
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
EOF
settings=("fsync = off" "max_worker_processes = 32")
printf '%s\n' "${settings[@]}" "shared_preload_libraries = 'weir'" >"$suite/weir.conf"
printf '%s\n' "${settings[@]}" | tee "$suite/weir_twin.conf" >"$suite/plain.conf"
extensions=$("$bin/pg_config" --sharedir)/extension
cp "$extensions/weir.control" "$extensions/weir_twin.control"
sed '/^SELECT weir.extension_created()/d' "$extensions/weir--1.0.sql" >"$extensions/weir_twin--1.0.sql"
[ -z "$stage_user" ] || chown -R "$stage_user:" "$suite"
as_user make -C "$suite/lib" -s -j"$jobs" with_llvm=no PG_CONFIG="$bin/pg_config" >"$suite/build.log" 2>&1 ||
	{ cat "$suite/build.log"; exit 1; }

# run NAME: with the extension NAME or, for plain, with none; results are in $suite/NAME.
run()
{
	local out=$suite/$1 what=(--schedule="$suite/parallel_schedule")
	[ ! -e "$out/results.txt" ] || return 0
	[ ${#tests[@]} -eq 0 ] || what=(test_setup "${tests[@]}")
	[ "$1" = plain ] || what+=(--load-extension="$1")
	as_user mkdir -p "$out"
	as_user timeout -k 10 "${WEIR_TEST_TIMEOUT:-3600}" "$driver" --inputdir="$suite" --outputdir="$out" \
		--dlpath="$suite/lib" --temp-instance="$out/server" --temp-config="$suite/$1.conf" --bindir="$bin" \
		--encoding=UTF8 --no-locale --max-concurrent-tests=20 "${what[@]}" \
		>"$out/log.txt" 2>&1 </dev/null
	# "ok NAME" and "FAILED NAME": versions before 16 print "test x ... ok", later ones "ok 1 - x".
	sed -nE -e 's/^(test)? +([a-z][^ ]*) +\.\.\. +(ok|FAILED).*/\3 \2/p' \
		-e 's/^ok +[0-9]+ +[-+] +([^ ]+).*/ok \1/p' \
		-e 's/^not ok +[0-9]+ +[-+] +([^ ]+).*/FAILED \1/p' "$out/log.txt" >"$out/results.txt"
}

# reason NAME: why the output of a test is expected to be another one.
reason() { awk -v name="$1" '$1 == name { $1 = ""; print substr($0, 2) }' "$listed"; }

# as NAME TEST: is the output the same as that of run NAME?  What is not, is in $suite/TEST.diff.
as()
{
	run "$1"
	diff -U3 --label "$1" --label weir "$suite/$1/results/$2.out" "$suite/weir/results/$2.out" \
		>"$suite/$2.diff" 2>&1
}

echo "PostgreSQL $version's regression tests on $(server_version) with weir"
run weir
results=$suite/weir/results.txt
passed=0
failed=0
while read -r state name; do
	reason=$(reason "$name")
	if [ "$state$reason" = ok ]; then
		passed=$((passed + 1))
	elif [ "$state" = ok ]; then
		echo "FAIL    $name: listed in pg_regress.expected, but as PostgreSQL's"
		failed=$((failed + 1))
	elif [ -n "$reason" ] && as weir_twin "$name"; then
		echo "listed  $name: $reason"
		passed=$((passed + 1))
	elif [ -z "$reason" ] && as plain "$name"; then
		echo "same    $name"
		passed=$((passed + 1))
	else
		echo "FAIL    $name"
		head -n 60 "$suite/$name.diff" | sed 's/^/    /'
		failed=$((failed + 1))
	fi
done <"$results"
ran=$(wc -l <"$results")
wanted=$(sed -n 's/^test: *//p' "$suite/parallel_schedule" | wc -w)
[ ${#tests[@]} -eq 0 ] || wanted=$((1 + ${#tests[@]}))
if [ "$ran" -ne "$wanted" ]; then
	echo "Of $wanted tests $ran ran:"
	tail -n 20 "$suite/weir/log.txt"
	failed=$((failed + wanted - ran))
fi

# Nothing may go wrong unseen: no crash, no leak, no complaint of a worker.
if grep -aE 'TRAP:|PANIC:|terminated by signal|reference leak|was not closed|not in lock table|leak: | weir [a-z ]+\[[0-9]+\] +(WARNING|ERROR|FATAL):' \
	"$suite/weir/log/postmaster.log" | grep -v 'terminated by signal 15' | head -n 20 | grep .; then
	echo "FAIL    the server's log"
	failed=$((failed + 1))
fi
if [ "$failed" -gt 0 ] && [ "$stage" != "$root/tmp_check" ]; then
	mkdir -p "$root/tmp_check"
	(cd "$suite" && find . -name '*.txt' -o -name '*.log' -o -name '*.diffs' -o -name '*.diff' -o -path '*/results/*.out') |
		tar -C "$suite" -c -T - 2>/dev/null | tar -C "$root/tmp_check" -x
fi
[ "$failed" -eq 0 ] || echo "Logs are under tmp_check."
stage_end
echo "Took $((SECONDS - started)) s."
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
