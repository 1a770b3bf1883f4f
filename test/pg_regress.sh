#!/bin/bash
# PostgreSQL's own regression tests on a server that has weir preloaded, in a database that has it:
# what does not use Weir must not notice it.
#
#   test/pg_regress.sh [TEST...]    the whole parallel schedule, or these tests after test_setup
#
# PGSRC=DIR: PostgreSQL's source tree.  Without it, root fetches the source package of the installed
# version, or of the next best one of the same major version, without touching apt's configuration.
#
# When tests fail, the same is run once more with a twin of the extension: the same objects in the
# catalogs, but weir not loaded.  A test fails because of Weir if its output is another one there.
# So neither a source that is not quite the server's, nor that one more extension is listed, is
# taken for Weir's fault.
# The last line is "N passed, N failed", as for check.sh; the exit status says the same.
set -uo pipefail
cd "$(dirname "$0")/.."
. test/stage.sh
tests=("$@")
started=$SECONDS

test/install.sh || exit 1
trap 'trap "" INT TERM; jobs -p | xargs -r kill 2>/dev/null; stage_end' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
stage_make || { echo "0 passed, 1 failed"; exit 1; }
copy=$stage/weir
driver=$(dirname "$("$bin/pg_config" --pgxs)")/../test/regress/pg_regress
suite=$stage/suite
jobs=${WEIR_JOBS:-2}

# ---- The source ----

# fetch DIR: the source package of the server, into DIR.
fetch()
{
	local dir=$1 package=postgresql-$pgversion f version options
	mkdir -p "$dir/sources" "$dir/lists/partial"
	for f in /etc/apt/sources.list.d/*.sources; do
		[ -e "$f" ] && sed 's/^Types:.*/Types: deb-src/' "$f" >"$dir/sources/$(basename "$f")"
	done
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -e "$f" ] && sed -n 's/^deb /deb-src /p' "$f" >"$dir/sources/$(basename "$f" .list).list"
	done
	options=(-qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$dir/sources"
		-o "Dir::State::lists=$dir/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
		-o APT::Sandbox::User=root)
	apt-get "${options[@]}" update >"$dir/log" 2>&1 || { cat "$dir/log" >&2; return 1; }
	{
		dpkg-query -W -f '${source:Version}\n' "$package"
		apt-cache "${options[@]}" showsrc "$package" | sed -n 's/^Version: //p' | sort -rVu
	} >"$dir/versions"
	while read -r version; do
		(cd "$dir" && apt-get "${options[@]}" source --download-only "$package=$version") \
			>>"$dir/log" 2>&1 || continue
		echo "Source package $package $version, installed $(head -1 "$dir/versions")"
		tar -C "$dir" --strip-components=1 -xf "$dir/$package"_*.orig.tar.* && return 0
	done <"$dir/versions"
	cat "$dir/log" >&2
	return 1
}

source=${PGSRC:-}
if [ -z "$source" ]; then
	[ "$(id -u)" -eq 0 ] || { echo "Only root can fetch the source; PGSRC=DIR names one." >&2; exit 1; }
	source=$stage/source
	fetch "$source" || { echo "The source of PostgreSQL cannot be fetched." >&2; exit 1; }
fi
[ -e "$source/src/test/regress/parallel_schedule" ] || { echo "No PostgreSQL source in $source" >&2; exit 1; }

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
printf '%s\n' "${settings[@]}" >"$suite/weir_twin.conf"
extensions=$("$bin/pg_config" --sharedir)/extension
cp "$extensions/weir.control" "$extensions/weir_twin.control"
sed '/^SELECT weir.extension_created()/d' "$extensions/weir--1.0.sql" >"$extensions/weir_twin--1.0.sql"
[ -z "$stage_user" ] || chown -R "$stage_user:" "$suite"
as_user make -C "$suite/lib" -s -j"$jobs" with_llvm=no PG_CONFIG="$bin/pg_config" >"$suite/build.log" 2>&1 ||
	{ cat "$suite/build.log"; exit 1; }

# run EXTENSION: results are in $suite/EXTENSION.
run()
{
	local out=$suite/$1 what=(--schedule="$suite/parallel_schedule")
	[ ${#tests[@]} -eq 0 ] || what=(test_setup "${tests[@]}")
	as_user mkdir -p "$out"
	as_user timeout -k 10 "${WEIR_TEST_TIMEOUT:-3600}" "$driver" --inputdir="$suite" --outputdir="$out" \
		--dlpath="$suite/lib" --temp-instance="$out/server" --temp-config="$suite/$1.conf" --bindir="$bin" \
		--encoding=UTF8 --no-locale --max-concurrent-tests=20 --load-extension="$1" "${what[@]}" \
		>"$out/log.txt" 2>&1 </dev/null
	# "ok NAME" and "FAILED NAME": versions before 16 print "test x ... ok", later ones "ok 1 - x".
	sed -nE -e 's/^(test)? +([a-z][^ ]*) +\.\.\. +(ok|FAILED).*/\3 \2/p' \
		-e 's/^ok +[0-9]+ +[-+] +([^ ]+).*/ok \1/p' \
		-e 's/^not ok +[0-9]+ +[-+] +([^ ]+).*/FAILED \1/p' "$out/log.txt" >"$out/results.txt"
}

echo "PostgreSQL's regression tests with weir"
run weir
results=$suite/weir/results.txt
passed=$(grep -c '^ok ' "$results")
failed=0
if grep -q '^FAILED ' "$results"; then
	echo "$(grep -c '^FAILED ' "$results") are not as expected; the same with the twin"
	run weir_twin
	while read -r _ name; do
		diff=$suite/$name.diff
		if diff -U3 --label twin --label weir \
			"$suite/weir_twin/results/$name.out" "$suite/weir/results/$name.out" >"$diff" 2>&1; then
			echo "same    $name"
			passed=$((passed + 1))
		else
			echo "FAIL    $name"
			head -n 60 "$diff" | sed 's/^/    /'
			failed=$((failed + 1))
		fi
	done < <(grep '^FAILED ' "$results")
fi
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
