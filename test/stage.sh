# A private place to build and test in; sourced by check.sh, torture.sh, demo.sh and bench/*.sh.
#
# Nothing is installed into the system and no server of it is used: a copy of PostgreSQL's own
# tree (its binaries find their files relative to themselves) and a copy of the sources live in
# $stage, Weir is built and installed there, and everything runs there as an unprivileged user.
#
# WEIR_PG=PREFIX: a PostgreSQL installed there in place of Debian's; WEIR_ENV: variables for all that runs.
# WEIR_NEW_PG=PREFIX: a PostgreSQL to which the test of pg_upgrade upgrades from that one.
#
#   $root      the repository
#   $stage     the private directory; $stage/weir is the copy of the repository
#   $bin       PostgreSQL's programs in it
#   as_user C  run command C as the unprivileged user
#   stage_make make the stage (arguments are given to make), and go there; stage_server, where a
#              script defines it, is called before Weir is built and may change the server in $stage/pg
#   stage_new_pg  a copy of WEIR_NEW_PG with Weir, which WEIR_NEW_PG then names
#   attended C run command C so that a signal to the script is answered at once
#   stage_end  stop whatever still runs from the stage; remove it when it is not in the repository

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pgversion=15
export LC_ALL=C.UTF-8 LANG=C.UTF-8
unset PGDATA PGHOST PGPORT PGUSER PGDATABASE PGSERVICE PGOPTIONS MAKEFLAGS MAKELEVEL

if [ "$(id -u)" -eq 0 ]; then
	stage_user=postgres
else
	stage_user=
fi

as_user()
{
	if [ -n "$stage_user" ]; then
		setpriv --reuid="$stage_user" --regid="$stage_user" --clear-groups \
			env HOME="$stage" USER="$stage_user" LOGNAME="$stage_user" PATH="$bin:$PATH" ${WEIR_ENV:-} "$@" 9<&-
	else
		env PATH="$bin:$PATH" ${WEIR_ENV:-} "$@" 9<&-
	fi
}

# bash puts traps off while it waits for a program, but not in "wait".  The command gets a process group of its own, which
# stage_end ends.
attended()
{
	local status=0
	set -m
	"$@" &
	attended_group=$!
	set +m
	wait "$attended_group" || status=$?
	attended_group=
	return $status
}

stage_make()
{
	exec 9<"$root/test"
	flock -n 9 || { echo "Another run in this directory is not finished." >&2; exit 1; }

	stage=$root/tmp_check
	bin=$stage/pg/usr/lib/postgresql/$pgversion/bin
	stage_pids | xargs -r kill -9 2>/dev/null || true
	rm -rf "$stage"
	if [ -n "$stage_user" ]; then
		setpriv --reuid="$stage_user" --regid="$stage_user" --clear-groups test -r "$root/Makefile" ||
			stage=$(mktemp -d /tmp/weir.XXXXXX)
	fi
	bin=$stage/pg/usr/lib/postgresql/$pgversion/bin

	mkdir -p "$stage/weir"
	if [ -n "${WEIR_PG:-}" ]; then
		bin=$stage/pg/bin
		mkdir "$stage/pg"
		cp -r "$WEIR_PG/." "$stage/pg/"
	else
		mkdir -p "$stage"/pg/usr/{lib,share}/postgresql "$stage/pg/usr/include"
		cp -r "/usr/lib/postgresql/$pgversion" "$stage/pg/usr/lib/postgresql/"
		cp -r "/usr/share/postgresql/$pgversion" "$stage/pg/usr/share/postgresql/"
		ln -s /usr/include/postgresql "$stage/pg/usr/include/postgresql"
	fi
	find "$stage/pg" -name weir.so -delete -o -path '*/extension/weir*' -delete

	if declare -F stage_server >/dev/null; then stage_server || return 1; fi

	chmod 755 "$stage"
	stage_install "$stage/weir" "$bin" "$@" || return 1
	cd "$stage/weir"		# the user may not be able to enter the repository
}

stage_new_pg()
{
	local new=$stage/new_pg
	mkdir "$new"
	cp -r "$WEIR_NEW_PG/." "$new/"
	find "$new" -name weir.so -delete -o -path '*/extension/weir*' -delete
	stage_install "$stage/new_weir" "$new/bin" "$@" || return 1
	export WEIR_NEW_PG=$new
}

# stage_install DIR BIN ARGS: the sources into DIR, and built for the server whose programs are in BIN.
stage_install()
{
	local dir=$1 pg_config=$2/pg_config
	shift 2
	mkdir -p "$dir"
	tar -C "$root" -c --exclude=./tmp_check --exclude=./tmp_sanitize --exclude=./.git --exclude='*.o' --exclude='*.bc' \
		--exclude='*.so' . | tar -C "$dir" -x
	[ -z "$stage_user" ] || chown -R "$stage_user:" "$stage"
	attended as_user make -C "$dir" -s -j"$(nproc)" with_llvm=no \
		PG_CONFIG="$pg_config" "$@" install >"$dir.log" 2>&1 ||
		{ cat "$dir.log"; echo "The build failed."; return 1; }
	grep -i warning "$dir.log" || true
}

# Processes that run from the stage: PostgreSQL's programs in it, and interpreters given a file of it.
stage_pids()
{
	local p exe
	for p in /proc/[0-9]*; do
		p=${p#/proc/}
		[ "$p" != $$ ] || continue
		exe=$(readlink "/proc/$p/exe") || continue
		case $exe in
			"$stage"/*) echo "$p" ;;
			*/java | */perl | */python3* | */kcat | */timeout)
				tr '\0' '\n' <"/proc/$p/cmdline" 2>/dev/null | grep -qF "$stage/" && echo "$p" ;;
		esac
	done 2>/dev/null
	true
}

stage_end()
{
	local i pidfile
	[ -z "${attended_group:-}" ] || kill -- "-$attended_group" 2>/dev/null || true
	[ -n "${stage:-}" ] && [ -d "$stage" ] || return 0
	cd "$root"
	# Servers first, and gently enough that they remove their shared memory.
	find "$stage" -name postmaster.pid 2>/dev/null | while read -r pidfile; do
		i=$(head -1 "$pidfile")
		case $(readlink "/proc/$i/exe") in "$stage"/*) kill -QUIT "$i" ;; esac
	done 2>/dev/null
	for i in $(seq 50); do
		[ -n "$(stage_pids)" ] || break
		[ "$i" -ne 10 ] || stage_pids | xargs -r kill -9 2>/dev/null
		sleep 0.1
	done
	[ "$stage" = "$root/tmp_check" ] || rm -rf "$stage"
}
