#!/bin/bash
# SPDX-License-Identifier: MIT
#
# build-image.sh - makes the disk image of the guest, unless it is there; prints its folder, which
# holds vmlinuz, initramfs and root.ext4.
#
# The image is made of the packages of packages.txt, from where this host's apt gets its own: so the
# guest has the host's release of Debian. Nothing is installed on the host and no maintainer script
# runs: apt downloads, tar unpacks, mke2fs packs. Image and packages are kept below
# ${XDG_CACHE_HOME:-~/.cache}/memtgt, until nobody has used them for a week: another checkout may
# have another image, and a guest that runs from it. Needs root, or a user who may make user namespaces.
# Exit status 77: it cannot be made here.
. "$(dirname "$0")/../lib/functions.sh"

guest=$MEMTGT_SRC/tests/guest
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/memtgt
debs=$cache/guest-debs

# What the image is made from names it. init.sh and the scenarios are no part of it.
image_name()
{
	{
		cat "$guest/packages.txt" "$guest/initramfs.sh" "$guest/build-image.sh"
		grep '^VERSION_CODENAME=' /etc/os-release
	} | sha256sum | sed 's/^\(.\{16\}\).*/guest-\1/'
}

say()
{
	printf 'build-image.sh: %s\n' "$*" >&2
}

# Files of the packages' owners can only be made by root, be it that of a namespace.
become_root()
{
	((EUID != 0)) || return 0
	unshare --map-root-user true 2>/dev/null ||
		skip "the guest's image is made by root, or by a user who may make user namespaces"
	exec unshare --map-root-user "$guest/build-image.sh"
}

check_host()
{
	need apt-get apt-cache dpkg-deb cpio mke2fs flock
	apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1 ||
		skip "apt knows no package linux-image-cloud-amd64 (apt-get update first?)"
}

packages()
{
	sed 's/#.*//' "$guest/packages.txt" | awk 'NF { print $1 }'
}

# apt with an empty list of what is installed: it resolves and downloads everything.
fresh_apt()
{
	local packages
	mapfile -t packages < <(packages)
	apt-get -qq -y -o Dir::State="$work/apt" -o Dir::State::status="$work/apt/status" \
		-o Dir::State::lists="$lists" -o Dir::Cache="$work/apt" \
		-o Dir::Cache::archives="$debs" -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
		-o APT::Install-Recommends=0 "$@" install "${packages[@]}"
}

# Downloads what is missing, forgets what nobody needs, and lists the files in $work/debs.
download()
{
	local lists
	lists=$(apt-config shell dir Dir::State::lists/d)
	eval "lists=${lists#dir=}"
	mkdir -p "$work/apt/partial" "$debs/partial"
	: >"$work/apt/status"
	say "downloading packages"
	fresh_apt --download-only >"$work/log" 2>&1 || {
		tail -n 20 "$work/log" >&2
		skip "apt-get cannot download the guest's packages (apt-get update first?)"
	}
	# Inst NAME (VERSION SOURCE [ARCHITECTURE]); a colon in a file's name is written %3a.
	fresh_apt --simulate | sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) [^[]*\[\([^]]*\)\].*/\1_\2_\3.deb/p' |
		sed 's/:/%3a/' | sort >"$work/debs"
	[[ -s $work/debs ]] || fail "apt-get tells of no package"
	(cd "$debs" && xargs -r -d '\n' touch <"$work/debs")
	find "$debs" -name '*.deb' -mtime +7 -delete
}

# Nobody reads in the guest, and it has no hardware.
unpack_one()
{
	dpkg-deb --fsys-tarfile "$debs/$1" | tar -x -C "$root" --no-same-owner \
		--keep-directory-symlink \
		--exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' \
		--exclude='./usr/share/locale/*' --exclude='./usr/share/i18n/*' \
		--exclude='./usr/share/zoneinfo/*' --exclude='./usr/lib/x86_64-linux-gnu/gconv/*' \
		--exclude='*/kernel/drivers/gpu/*' --exclude='*/kernel/drivers/infiniband/*' \
		--exclude='*/kernel/drivers/net/ethernet/*' --exclude='*/kernel/sound/*'
}

unpack()
{
	local folder deb
	say "unpacking $(wc -l <"$work/debs") packages"
	for folder in bin sbin lib lib64; do
		mkdir -p "$root/usr/$folder"
		ln -s "usr/$folder" "$root/$folder"
	done
	while read -r deb; do
		unpack_one "$deb"
	done <"$work/debs"
}

# What maintainer scripts would have done, as far as the scenarios need it.
settle()
{
	mv "$root"/boot/vmlinuz-* "$new/vmlinuz"
	rm -rf "${root:?}"/boot/*
	kernel=$(ls "$root/usr/lib/modules")
	cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
	cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
	chroot "$root" /bin/systemd-sysusers
	ln -sf mawk "$root/usr/bin/awk"
	ln -sf /proc/self/mounts "$root/etc/mtab"
	: >"$root/etc/fstab"
	echo '127.0.0.1 localhost guest' >"$root/etc/hosts"
	echo guest >"$root/etc/hostname"
	echo 6d656d7467742d67756573742d696d61 >"$root/etc/machine-id"
	mkdir -p "$root"/{job,proc,sys,dev,run,tmp,mnt}
	ldconfig -r "$root"
	chroot "$root" /sbin/depmod "$kernel"
}

# The modules that the root disk needs, in the order in which they are loaded.
boot_modules()
{
	chroot "$root" /sbin/modprobe --set-version "$kernel" --show-depends --all \
		virtio_pci virtio_blk ext4 | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

make_initramfs()
{
	local dir=$work/initramfs module
	mkdir -p "$dir"/{bin,modules,proc,sys,dev,root}
	cp "$root/usr/bin/busybox" "$dir/bin/"
	install -m 755 "$guest/initramfs.sh" "$dir/init"
	boot_modules >"$work/modules"
	: >"$dir/modules/order"
	while read -r module; do
		cp "$root/$module" "$dir/modules/"
		basename "$module" >>"$dir/modules/order"
	done <"$work/modules"
	(cd "$dir" && find . | cpio --quiet -o -H newc) >"$new/initramfs"
}

# No journal: the image is opened as a snapshot, and never recovered.
make_disk()
{
	say "packing the image"
	chown -R 0:0 "$root"
	mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$root" "$new/root.ext4" 1G
}

build()
{
	local root=$work/root new=$work/image kernel
	mkdir -p "$root" "$new"
	download
	unpack
	settle
	make_initramfs
	make_disk
	find "$cache" -maxdepth 1 -name 'guest-????????????????' -mtime +7 -exec rm -rf {} +
	mv "$new" "$image"
}

image=$cache/$(image_name)
if [[ ! -d $image ]]; then
	become_root
	check_host >&2
	mkdir -p "$cache"
	exec 9>"$cache/guest.lock"
	flock 9
	if [[ ! -d $image ]]; then
		rm -rf "$cache"/building.* # of a build that was killed
		work=$(mktemp -d "$cache/building.XXXXXX")
		trap 'rm -rf "$work"' EXIT
		trap 'exit 1' HUP INT TERM
		build >&2
	fi
fi
touch "$image" 2>/dev/null || true
echo "$image"
