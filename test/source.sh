# PostgreSQL's source, for scripts that have sourced stage.sh.
#
# $packages: directory for what is fetched; set by the script.  apt's configuration is not touched.

# Sets apt: options for lists of its own, of source and binary packages.
apt_lists()
{
	local f
	[ -z "${apt:-}" ] || return 0
	mkdir -p "$packages/sources" "$packages/lists/partial"
	for f in /etc/apt/sources.list.d/*.sources; do
		[ -e "$f" ] && sed 's/^Types:.*/Types: deb deb-src/' "$f" >"$packages/sources/$(basename "$f")"
	done
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -e "$f" ] && sed -n 's/^deb /&/p; s/^deb /deb-src /p' "$f" \
			>"$packages/sources/$(basename "$f" .list).list"
	done
	apt=(-qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$packages/sources"
		-o "Dir::State::lists=$packages/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
		-o APT::Sandbox::User=root)
	apt-get "${apt[@]}" update >"$packages/log" 2>&1 || { cat "$packages/log" >&2; return 1; }
}

# fetch_source DIR: the source package of the server, or the next best, into DIR.
fetch_source()
{
	local dir=$1 package=postgresql-$pgversion version
	apt_lists || return 1
	mkdir -p "$dir"
	{
		dpkg-query -W -f '${source:Version}\n' "$package"
		apt-cache "${apt[@]}" showsrc "$package" | sed -n 's/^Version: //p' | sort -rVu
	} >"$packages/versions"
	while read -r version; do
		(cd "$packages" && apt-get "${apt[@]}" source --download-only "$package=$version") \
			>>"$packages/log" 2>&1 || continue
		tar -C "$dir" --strip-components=1 -xf "$packages/$package"_*.orig.tar.* && return 0
	done <"$packages/versions"
	cat "$packages/log" >&2
	return 1
}
