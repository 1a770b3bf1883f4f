#!/bin/bash
# The tests on a server that checks itself: PostgreSQL and Weir built with assertions and with the
# sanitizers for addresses and undefined behaviour.  About an hour on two cores.
#
#   test/sanitize.sh [PATTERN...]    as for check.sh
#
# WEIR_SANITIZED=DIR: where the server is built and kept for the next run (tmp_sanitize).  PGSRC=DIR: PostgreSQL's source;
# without it, root fetches the source package.
#
# PostgreSQL leaves memory to the end of its processes, so leaks are not looked for here; test/t/007_memory.pl does.
# The last line is "N passed, N failed"; what a sanitizer says is a failure.
set -uo pipefail
cd "$(dirname "$0")/.."
. test/stage.sh
. test/source.sh
built=$(readlink -m "${WEIR_SANITIZED:-tmp_sanitize}")
packages=$built/packages
export ASAN_OPTIONS=detect_leaks=0
flags="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined"

build_server()
{
	local source=${PGSRC:-$built/source} config module
	if [ -z "${PGSRC:-}" ]; then
		rm -rf "$source"
		fetch_source "$source" || return 1
	fi
	rm -rf "$built/build" "$built/pg"
	mkdir -p "$built/build"
	cd "$built/build" || return 1
	"$(readlink -f "$source")/configure" --prefix="$built/pg" --enable-cassert --enable-debug --with-icu \
		CC=gcc CFLAGS="$flags" LDFLAGS="-fsanitize=address,undefined" || return 1
	make -s -j"$(nproc)" install && make -s -C src/test/isolation install || return 1
	config=$built/pg/bin/pg_config
	mkdir -p "$(dirname "$("$config" --pgxs)")/../test/perl"
	cp -r "$source/src/test/perl/PostgreSQL" "$(dirname "$("$config" --pgxs)")/../test/perl/"
	# Extensions that the tests use, as Debian built them.
	for module in hll tdigest; do
		cp "/usr/lib/postgresql/$pgversion/lib/$module.so" "$("$config" --pkglibdir)/" &&
			cp "/usr/share/postgresql/$pgversion/extension/$module"[-.]* "$("$config" --sharedir)/extension/" || return 1
	done
	touch "$built/done"
}

test/install.sh libicu-dev libreadline-dev zlib1g-dev bison flex || exit 1
if [ ! -e "$built/done" ]; then
	mkdir -p "$packages"
	echo "Building a PostgreSQL with sanitizers, about ten minutes"
	(build_server) >"$built/log" 2>&1 || { tail -n 30 "$built/log"; echo "0 passed, 1 failed"; exit 1; }
fi

said=$(mktemp -d /tmp/weir-sanitizer.XXXXXX)
chmod 777 "$said"
trap 'rm -rf "$said"' EXIT
options="abort_on_error=1:detect_leaks=0:detect_stack_use_after_return=0:log_path=$said/address"
out=$(mktemp)
WEIR_PG=$built/pg WEIR_ENV="ASAN_OPTIONS=$options UBSAN_OPTIONS=print_stacktrace=1:log_path=$said/undefined" \
	WEIR_TEST_TIMEOUT=3000 PG_TEST_TIMEOUT_DEFAULT=400 test/check.sh "$@" | tee "$out"
passed=$(sed -n 's/^\([0-9]*\) passed.*/\1/p' "$out")
failed=$(sed -n 's/^.* passed, \([0-9]*\) failed.*/\1/p' "$out")
rm -f "$out"
for file in "$said"/*; do
	[ -e "$file" ] || continue
	echo "=== ${file##*/}"
	head -n 40 "$file"
	failed=$((failed + 1))
done
echo "${passed:-0} passed, ${failed:-1} failed"
[ "${failed:-1}" -eq 0 ] && [ "${passed:-0}" -gt 0 ]
