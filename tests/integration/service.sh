#!/bin/bash
# SPDX-License-Identifier: MIT
# service.sh - the unit: when its ExecStop sends SIGUSR2, and whether systemd understands it.
. "$(dirname "$0")/../lib/functions.sh"
: "${MEMTGT_BUILD:?the build whose unit is looked at}"
unit=$MEMTGT_BUILD/etc/memtgtd.service
work=$(mktemp -d "${TEST_DIR:-${TMPDIR:-/tmp}}/service.XXXXXX")
trap 'rm -rf "$work"' EXIT
checks=0

[[ -f $unit ]] || fail "there is no $unit"
! grep -n '@' <(grep -v '^SystemCallFilter=@' "$unit") || fail "a place that was not filled in"

# What is between the quotes of ExecStop, as systemd hands it to sh.
stop=$(sed -n "s/^ExecStop=+\/bin\/sh -c '\(.*\)'\$/\1/p" "$unit" | sed 's/%n/memtgtd.service/g; s/\$\$/$/g')
[[ $stop ]] || fail "no ExecStop"

# A systemctl that tells these jobs, and a process that tells the signal it got.
mkdir "$work/bin"
cat >"$work/bin/systemctl" <<'END'
#!/bin/sh
[ "$*" = "list-jobs --plain --no-legend" ] || exit 1
cat "$JOBS"
END
chmod 755 "$work/bin/systemctl"
export JOBS=$work/jobs

# stop_by WANT JOB...: with these jobs the process gets SIGUSR2, or nothing.
stop_by()
{
	local want=$1 got pid
	shift
	((!$#)) || printf '%s\n' "$@" >"$JOBS"
	(($#)) || : >"$JOBS"
	bash -c 'trap "echo USR2; exit" USR2; trap "echo none; exit" TERM
		echo ready; while :; do sleep 0.01; done' >"$work/out" &
	pid=$!
	until grep -q ready "$work/out"; do sleep 0.01; done
	MAINPID=$pid PATH=$work/bin:$PATH /bin/sh -c "$stop" || fail "status $? of ExecStop"
	kill -TERM "$pid" 2>/dev/null || true
	wait "$pid" || true
	got=$(sed -n 2p "$work/out")
	[[ $got == "$want" ]] || fail "with the jobs \"$*\" it got $got, not $want"
	checks=$((checks + 1))
}

stop_by USR2 '1234 memtgtd.service stop running'
stop_by USR2 '  17 memtgtd.service stop running'
stop_by USR2 '1 sshd.service stop waiting' '2 memtgtd.service stop running' '3 x.service start waiting'
stop_by none '1234 memtgtd.service restart running'
stop_by none '1234 memtgtd.service try-restart running'
stop_by none '1234 memtgtd.service start waiting'
stop_by none '1 other-memtgtd.service stop running'
stop_by none '1 memtgtd.service.d stop running'
stop_by none
# It ended by itself: there is nobody to tell.
echo '1 memtgtd.service stop running' >"$JOBS"
env -u MAINPID PATH="$work/bin:$PATH" /bin/sh -c "$stop" || fail "status $? without MAINPID"
looked_at $((checks + 1)) "stops"

# What the unit names is where this build would install it, so a copy names the build's.
need systemd-analyze
sed -e "s|^ExecStart=[^ ]*|ExecStart=$MEMTGT_BUILD/target/memtgtd|" -e '/^Documentation=/d' "$unit" \
	>"$work/memtgtd.service"
systemd-analyze verify --man=no "$work/memtgtd.service" >"$work/said" 2>&1 ||
	fail "systemd-analyze: $(<"$work/said")"
# Of this unit, not of others of the host.
! grep -n 'memtgtd' "$work/said" || fail "systemd has something to say of the unit"
echo "systemd understands it"
