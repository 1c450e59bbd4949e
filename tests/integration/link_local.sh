#!/bin/bash
# SPDX-License-Identifier: MIT
# link_local.sh - portals and rules of single links: two of them, in a network namespace of their own.
#
# Link a has the daemon at its end a0 (fe80::1) and an initiator at a1 (fe80::2); link b likewise.
. "${MEMTGT_SRC:-$(dirname "$0")/../..}/tests/lib/functions.sh"
. "$MEMTGT_SRC/tests/lib/daemon.sh"
requires iscsi-ls ip unshare

if [[ ! ${LINK_LOCAL_INSIDE-} ]]; then
	unshare --map-root-user --net true 2>/dev/null || {
		echo "SKIP: no network namespace can be made"
		exit 77
	}
	LINK_LOCAL_INSIDE=1 exec unshare --map-root-user --net "$0"
fi

ip link set lo up
for link in a b; do
	ip link add ${link}0 type veth peer name ${link}1 || {
		echo "SKIP: no network namespace can be made"
		exit 77
	}
	for end in 0 1; do
		ip addr add "fe80::$((end + 1))/64" dev $link$end nodad
		ip link set $link$end up
	done
done

cat >"$test_dir/memtgtd.conf" <<END
portals = ( { address = "127.0.0.1"; port = 0; }, { address = "fe80::1%a0"; port = 0; group = 2; },
            { address = "fe80::1%b0"; port = 0; group = 3; }, { address = "::1"; port = 0; group = 4; } );
access = ( { network = "fe80::%a0/64"; }, { network = "127.0.0.0/8"; } );
targets = ( { name = "$daemon_target"; luns = ( { id = 0; size = "1M"; } ); } );
state_dir = "";
END
daemon_start_on "$test_dir/memtgtd.conf"
port_a=$(sed -n 's/^memtgtd: ready on .*\[fe80::1%a0\]:\([0-9]*\),.*/\1/p' "$daemon_log")
port_b=$(sed -n 's/^memtgtd: ready on .*\[fe80::1%b0\]:\([0-9]*\),.*/\1/p' "$daemon_log")
port_6=$(sed -n 's/^memtgtd: ready on .*\[::1\]:\([0-9]*\)$/\1/p' "$daemon_log")
[[ $port_a && $port_b && $port_6 ]] || die "not ready on all portals"

# discovered PLACE: the portals that are told there, in order.
discovered()
{
	timeout 20 iscsi-ls "iscsi://$1" >"$test_dir/out" 2>&1 || true
	sed -n 's/.*Portal: *//p' "$test_dir/out" | sort
}

checks=0
# expect PLACE [PORTAL...]
expect()
{
	local place=$1
	shift
	[[ $(discovered "$place") == "$(printf "%s\n" "$@" | sort)" ]] ||
		die "at $place: $(<"$test_dir/out")"
	checks=$((checks + 1))
}

# Its own link's portal, and no other; what we call the link is not told.
expect "[fe80::1%a1]:$port_a" "[fe80::1]:$port_a,2"
# The rule is one of the other link, which has the same addresses.
expect "[fe80::1%b1]:$port_b"
# On this host all but what is on a link; IPv6's loopback has no rule.
expect "127.0.0.1:$daemon_port" "127.0.0.1:$daemon_port,1" "[::1]:$port_6,4"
expect "[::1]:$port_6"
daemon_stop

sed -i 's/^access.*/access = "any";/' "$test_dir/memtgtd.conf"
daemon_start_on "$test_dir/memtgtd.conf"
port_b=$(sed -n 's/^memtgtd: ready on .*\[fe80::1%b0\]:\([0-9]*\),.*/\1/p' "$daemon_log")
port_6=$(sed -n 's/^memtgtd: ready on .*\[::1\]:\([0-9]*\)$/\1/p' "$daemon_log")
expect "[fe80::1%b1]:$port_b" "[fe80::1]:$port_b,3"
expect "[::1]:$port_6" "127.0.0.1:$daemon_port,1" "[::1]:$port_6,4"
daemon_stop

# Link a is gone: a sentence, and no start.
ip link del a0
status=0
"$daemon_program" -c "$test_dir/memtgtd.conf" 2>"$test_dir/err" || status=$?
((status == 1)) || die "exit status $status without the interface"
grep -q 'portals\.\[1\]: fe80::1%a0: there is no network interface a0' "$test_dir/err" ||
	die "$(<"$test_dir/err")"
checks=$((checks + 1))
looked_at "$checks" "places"
