#!/bin/bash
# SPDX-License-Identifier: MIT
# loan-units.sh - the units of a host that borrows: places filled in, the order of a shutdown as it must be,
# what the drop-in for iscsid does, and whether systemd understands all of it.
. "$(dirname "$0")/../lib/functions.sh"
: "${MEMTGT_BUILD:?the build whose units are looked at}"
work=$(mktemp -d "${TEST_DIR:-${TMPDIR:-/tmp}}/loan-units.XXXXXX")
trap 'rm -rf "$work"' EXIT
units=(memloan.service memloan-stop.service memloan-agent.service)
checks=0

for unit in "${units[@]}"; do
	[[ -f $MEMTGT_BUILD/etc/$unit ]] || fail "there is no $unit"
	! grep -n '@' "$MEMTGT_BUILD/etc/$unit" || fail "$unit: a place that was not filled in"
	cp "$MEMTGT_BUILD/etc/$unit" "$work"
done
cp "$MEMTGT_SRC/etc/memloan.slice" "$work"

# ordered UNIT SETTING NAME: the setting, which may stand in several lines, names it.
ordered()
{
	sed -n "s/^$2=//p" "$work/$1" | tr ' ' '\n' | grep -qxF "$3" || fail "$1: $2= has no $3"
	checks=$((checks + 1))
}

# Stops go against these: what is named by After= is still there when loans end.
for name in network.target network-online.target iscsid.service iscsid.socket open-iscsi.service \
	blk-availability.service multipathd.service; do
	ordered memloan-stop.service After $name
done
ordered memloan-stop.service Before remote-fs-pre.target
for unit in memloan.service memloan-agent.service; do
	ordered $unit After memloan-stop.service
	ordered $unit Requires memloan-stop.service
done
# A start that can fail has no stop.
grep -qx 'ExecStart=/bin/true' "$work/memloan-stop.service" || fail "the start of memloan-stop can fail"
# Its stop is tried again, but not for ever.
stop=$(sed -n "s/^ExecStop=\/bin\/sh -c '\(.*\)'\$/\1/p" "$work/memloan-stop.service" |
	sed "s|[^ ]*/memloan |$work/memloan |; s/\\\$\\\$/\$/g")
[[ $stop ]] || fail "memloan-stop.service has no ExecStop"
printf '#!/bin/sh\n' >"$work/sleep"
cat >"$work/memloan" <<END
#!/bin/sh
echo "\$1" >>"$work/stops"
[ "\$(wc -l <"$work/stops")" -ge "\$GOOD" ]
END
chmod 755 "$work/sleep" "$work/memloan"
for try in 1:1 3:3 99:13; do
	rm -f "$work/stops"
	GOOD=${try%:*} PATH=$work:$PATH /bin/sh -c "$stop" || fail "status $? of ExecStop"
	[[ $(sort "$work/stops" | uniq -c | xargs) == "${try#*:} stop" ]] || fail "ExecStop ran $(<"$work/stops")"
done
rm "$work/memloan"
for setting in Type=notify OOMScoreAdjust=-1000 MemorySwapMax=0 LimitMEMLOCK=infinity Restart=always \
	StartLimitIntervalSec=0; do
	grep -qx "$setting" "$work/memloan-agent.service" || fail "memloan-agent.service: no $setting"
	checks=$((checks + 1))
done
looked_at $checks "settings"

# The program of the drop-in, with a /proc of our own: it waits until iscsid has written its -17, then has
# -1000 for each of its processes, and for no other.
proc=$work/proc
mkdir -p "$proc"/{1,20,21,30}
echo systemd >"$proc/1/comm"
echo iscsid | tee "$proc/20/comm" >"$proc/21/comm"
echo iscsiuio >"$proc/30/comm"
for pid in 1 20 21 30; do echo 0 >"$proc/$pid/oom_score_adj"; done
program=$(sed -n "s/^ExecStartPost=-\/bin\/sh -c '\(.*\)'\$/\1/p" "$MEMTGT_SRC/etc/iscsid-memloan.conf" |
	sed "s|/proc|$proc|g; s/\\\$\\\$/\$/g")
[[ $program ]] || fail "the drop-in for iscsid has no ExecStartPost"
cat >"$work/sleep" <<END
#!/bin/sh
echo -17 >"$proc/21/oom_score_adj"
END
chmod 755 "$work/sleep"
MAINPID=21 PATH=$work:$PATH /bin/sh -c "$program" || fail "status $? of ExecStartPost"
said=$(cd "$proc" && grep -H . ./*/oom_score_adj | tr '\n' ' ')
wanted='./1/oom_score_adj:0 ./20/oom_score_adj:-1000 ./21/oom_score_adj:-1000 ./30/oom_score_adj:0 '
[[ $said == "$wanted" ]] || fail "the drop-in for iscsid makes $said"
# It gives up waiting for an iscsid that writes nothing; and no failure of it stops iscsid.
printf '#!/bin/sh\n' >"$work/sleep"
echo 0 >"$proc/21/oom_score_adj"
MAINPID=21 PATH=$work:$PATH /bin/sh -c "$program" || fail "status $? of ExecStartPost"
[[ $(<"$proc/21/oom_score_adj") == -1000 ]] || fail "an iscsid that writes nothing is not protected"
MAINPID=99 PATH=$work:$PATH /bin/sh -c "$program" || fail "status $? without iscsid"

need systemd-analyze
# What units name is where this build would install it, so copies name the build's; drop-ins stand at units
# of ours.
mkdir "$work/iscsid.service.d" "$work/ssh.service.d"
cp "$MEMTGT_SRC/etc/iscsid-memloan.conf" "$work/iscsid.service.d/60-memloan.conf"
cp "$MEMTGT_SRC/etc/sshd-memloan.conf" "$work/ssh.service.d/60-memloan.conf"
printf '[Service]\nType=forking\nExecStart=/bin/true\n' | tee "$work/iscsid.service" >"$work/ssh.service"
sed -i -e "s|[^=]*/memloan |$MEMTGT_BUILD/initiator-tools/memloan |" -e '/^Documentation=/d' "$work"/memloan*
for unit in "${units[@]}" memloan.slice iscsid.service ssh.service; do
	SYSTEMD_UNIT_PATH=$work: systemd-analyze verify --man=no "$work/$unit" >"$work/said" 2>&1 ||
		fail "systemd-analyze: $(<"$work/said")"
	! grep -nE 'memloan|iscsid|ssh' "$work/said" || fail "systemd has something to say of $unit"
done
looked_at $((${#units[@]} + 3)) "units by systemd"
