# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# multipath.sh - multipathd in the guest, and its maps. Sourced after lib.sh by scenarios with udev.

multipathd=

# begin_multipath NO_PATH_RETRY: one path is enough for a map; of two each carries its part.
begin_multipath()
{
	modprobe -a dm_multipath dm_round_robin dm_service_time
	cat >/etc/multipath.conf <<-END
		defaults {
			find_multipaths greedy
			user_friendly_names no
			no_path_retry $1
			path_grouping_policy multibus
			polling_interval 1
			max_polling_interval 2
		}
		blacklist {
			devnode "^vd"
		}
	END
	multipathd -d -s >/tmp/multipathd.log 2>&1 &
	multipathd=$!
	trap 'end_multipath $?' EXIT
}

end_multipath()
{
	[[ $1 == 0 ]] || tail -n 40 /tmp/multipathd.log
	[[ ! $multipathd ]] || kill "$multipathd" || true
	wait
	multipath -F >/dev/null 2>&1 || true
	finish "$1"
}

# The map of multipath that a disk is in, and the disks of a map.
map_of()
{
	local holder
	for holder in /sys/block/"${1##*/}"/holders/*; do
		[[ ! -e $holder/dm/uuid || $(<"$holder/dm/uuid") != mpath-* ]] || cat "$holder/dm/name"
	done
}

disks_of()
{
	local dm
	dm=$(readlink -f "/dev/mapper/$1")
	find "/sys/block/${dm##*/}/slaves" -mindepth 1 -printf '%f\n'
}

in_a_map()
{
	[[ $(map_of "$1") ]]
}
