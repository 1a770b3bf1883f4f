#!/bin/bash
# The tests on a server that checks itself: PostgreSQL and Weir built with assertions and with the
# sanitizers for addresses and undefined behaviour.  About an hour on two cores.
#
#   test/sanitize.sh [PATTERN...]    as for check.sh
#
# WEIR_SANITIZED=DIR: where the server is built and kept for the next run (tmp_sanitize).  PGSRC=DIR: PostgreSQL's source;
# without it, root fetches the source package.
#
# PostgreSQL leaves memory to the end of its processes, so leaks are not looked for here; test/t/memory.pl and flat_memory.pl do.
# The last line is "N passed, N failed"; a process of which a sanitizer complains ends, and its test fails.
set -uo pipefail
cd "$(dirname "$0")/.."
. test/stage.sh
. test/source.sh
built=$(readlink -m "${WEIR_SANITIZED:-tmp_sanitize}")
packages=$built/packages
export ASAN_OPTIONS=detect_leaks=0
flags="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"

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

WEIR_PG=$built/pg WEIR_ENV="ASAN_OPTIONS=abort_on_error=1:detect_leaks=0:detect_stack_use_after_return=0" \
	WEIR_TEST_TIMEOUT=3000 PG_TEST_TIMEOUT_DEFAULT=400 exec test/check.sh "$@"
