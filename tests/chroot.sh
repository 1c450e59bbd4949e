#!/bin/bash
# SPDX-License-Identifier: MIT
#
# chroot.sh - the commands of ./bootstrap that README.md has, in a fresh Debian that holds only git and the sources.
#
#	tests/chroot.sh bookworm|trixie		./bootstrap run --once, install, and check
#	tests/chroot.sh DIST COMMAND...		another command instead, in the source folder
#
# Needs root, mmdebstrap, and a mirror: that of this host, with this host's settings for apt.
. "$(dirname "$0")/lib/functions.sh"

dist=${1-bookworm}
shift || true
((EUID == 0)) || skip "not root"
need mmdebstrap unshare git

work=$(mktemp -d "${TMPDIR:-/var/tmp}/memtgt-chroot.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root

# The first Debian archive of this host that holds more than security fixes.
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
	sed -n 's/^Debian|Debian|//p' | head -n 1)
[[ $mirror ]] || skip "this host's apt knows no Debian archive (apt-get update first?)"
# What differs from apt's own defaults matters to reach it.
apt-config dump Acquire >"$work/apt.conf"

echo "==> Debian $dist"
mmdebstrap --quiet --mode=root --variant=minbase --include=git,ca-certificates \
	--aptopt="$work/apt.conf" "$dist" "$root" "deb $mirror $dist main"

git -C "$MEMTGT_SRC" ls-files -z --cached --others --exclude-standard >"$work/files"
mkdir "$root/memtgt"
tar -C "$MEMTGT_SRC" --null --files-from="$work/files" -cf - | tar -C "$root/memtgt" -xf -
cp /etc/resolv.conf /etc/hosts "$root/etc/"

in_chroot()
{
	echo "==> $*"
	# A process namespace, so that nothing outlives the command.
	# shellcheck disable=SC2016
	unshare --mount --pid --fork --kill-child --propagation private bash -euc '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount --rbind /sys "$root/sys"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs tmpfs "$root/tmp"
		exec chroot "$root" env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			MEMTGT_PORT="${MEMTGT_PORT:-3260}" ${http_proxy:+http_proxy="$http_proxy"} \
			bash -c "cd /memtgt && exec \"\$@\"" bash "$@"
	' bash "$root" "$@"
}

if (($#)); then
	in_chroot "$@"
else
	in_chroot ./bootstrap run --once
	in_chroot ./bootstrap install
	in_chroot memtgtd --version
	in_chroot memloan --version
	in_chroot ./bootstrap check
fi
