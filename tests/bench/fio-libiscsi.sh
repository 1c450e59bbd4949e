#!/bin/sh
# SPDX-License-Identifier: MIT
# fio-libiscsi.sh - builds Debian's fio with the libiscsi engine, which the package lacks, and
# prints the path of the program. Built once, into the user's cache folder.
#
#	fio-libiscsi.sh		build it if needed; exit status 77 if there is no source
#	fio-libiscsi.sh --find	only look; exit status 77 if it is not there
set -eu

cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/memtgt/fio-libiscsi
if [ -x "$cache/fio" ]; then
	echo "$cache/fio"
	exit 0
fi
if [ "${1-}" = --find ]; then
	echo "SKIP: no fio with the libiscsi engine; tests/bench/fio-libiscsi.sh builds it" >&2
	exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# The host's own package sources, asked for source packages, in a private apt state.
mkdir -p "$work/parts" "$work/lists/partial" "$work/archives/partial" "$work/src"
chmod -R a+rX "$work"
for f in /etc/apt/sources.list.d/*.sources; do
	[ -e "$f" ] && sed 's/^Types:.*/Types: deb-src/' "$f" >"$work/parts/${f##*/}"
done
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
	[ -e "$f" ] && sed -n 's/^deb[[:space:]]/deb-src /p' "$f" >"$work/parts/from-${f##*/}.list"
done
private_apt()
{
	apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/parts" \
		-o Dir::State::Lists="$work/lists" -o Dir::Cache::Archives="$work/archives" \
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
		-o APT::Sandbox::User=root "$@" >&2
}
private_apt update
(cd "$work/src" && private_apt source --download-only fio) || {
	echo "SKIP: apt-get cannot download the source of fio" >&2
	exit 77
}
(cd "$work/src" && dpkg-source --no-check --extract ./*.dsc fio >&2)

cd "$work/src/fio"
./configure --enable-libiscsi --disable-native >&2
grep -q '^CONFIG_LIBISCSI=y' config-host.mak || {
	echo "fio-libiscsi.sh: libiscsi-dev is needed" >&2
	exit 1
}
make -s -j"$(nproc)" fio >"$work/make.log" 2>&1 || {
	tail -n 20 "$work/make.log" >&2
	exit 1
}
mkdir -p "$cache"
cp fio "$cache/fio.new"
mv "$cache/fio.new" "$cache/fio"
echo "$cache/fio"
