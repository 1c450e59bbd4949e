#!/bin/bash
# SPDX-License-Identifier: MIT
# options.sh - memtgtd's command line, and how it refuses what it cannot do.
set -euo pipefail

# shellcheck source=tests/lib/daemon.sh
. "${MEMTGT_SRC:-$(dirname "$0")/../..}/tests/lib/daemon.sh"
# shellcheck source=tests/lib/command.sh
. "${MEMTGT_SRC:-$(dirname "$0")/../..}/tests/lib/command.sh"
program=$daemon_program
conf=$test_dir/test.conf

# A configuration that must be refused, by --check-config and at the start, with these patterns.
refused()
{
	cat >"$conf"
	run 1 --check-config -c "$conf"
	has "$out$err" "$@"
	run 1 -c "$conf"
	has "$err" "$@"
	! grep -q 'ready on' <<<"$err" || die "ready, with a bad configuration"
}

run 0 --version
has "$out" '^memtgtd [0-9]'
run 0 --help
has "$out" '-c, --config' '--check-config' '--version' '-h, --help'
run 0 -h
run 1 --no-such-option
has "$err" 'no-such-option'
run 1 surplus
run 1 -c
run 1 -c "$test_dir/missing.conf"
has "$err" 'missing\.conf' '[Nn]o such file'
run 1 --check-config -c "$test_dir"

# The configuration of the README, as it stands.
cat >"$conf" <<'END'
portals = ( { address = "127.0.0.1"; port = 3260; } );
targets = ( { name = "iqn.2026-01.org.memtgt:demo";
              luns = ( { id = 0; size = "256M"; } ); } );
END
run 0 --check-config -c "$conf"

# Errors of one file, all in one run, each with file and line.
refused 'test\.conf:1: .*port' 'test\.conf:2: .*name' 'test\.conf:3: .*size' 'test\.conf:4: .*id' \
	'test\.conf:5: .*colour' <<'END'
portals = ( { address = "127.0.0.1"; port = "x"; } );
targets = ( { name = "not a name";
  luns = ( { id = 0; size = "1000"; },
           { id = 0; size = "1M"; } ); } );
colour = "blue";
END
refused 'test\.conf:2' 'syntax' <<'END'
portals = ( { address = "127.0.0.1"; port = 0; } );
targets = = ( );
END
refused 'portals' <<'END'
targets = ( { name = "iqn.2026-01.org.memtgt:demo"; luns = ( { id = 0; size = "1M"; } ); } );
END
# Beyond loopback nobody gets in without a rule.
refused 'test\.conf:1' 'access' <<'END'
portals = ( { address = "0.0.0.0"; port = 0; } );
targets = ( { name = "iqn.2026-01.org.memtgt:demo"; luns = ( { id = 0; size = "1M"; } ); } );
END

# LUNs beyond the pool.
refused 'test\.conf:[0-9]+: ' 'size' <<END
$(daemon_config '{ id = 0; size = "128M"; }' 'pool = { size = "64M"; };')
END

# A control socket that is written must be possible; one that is not, need not. "" is none.
lun='{ id = 0; size = "1M"; }'
for control in "socket = \"$test_dir/none/sock\"" "socket = \"$test_dir\"" \
	"socket = \"$test_dir/sock\"; group = \"no-such-group-here\""; do
	daemon_config "$lun" "control = { $control; };" >"$conf"
	run 0 --check-config -c "$conf"
	run 1 -c "$conf"
	has "$err" '^memtgtd: control\.socket: '
	! grep -q 'ready on' <<<"$err" || die "ready, without its control socket"
done
daemon_start "$lun" 'control = { socket = ""; };'
! grep -q 'control socket' "$daemon_log" || die "a control socket that nobody wants"
daemon_stop
daemon_start "$lun"
has "$(<"$daemon_log")" 'control socket'
daemon_stop

# Part of the configuration in another file.
mkdir "$test_dir/conf.d"
echo 'log_level = "debug";' >"$test_dir/conf.d/level.conf"
{
	daemon_config '{ id = 0; size = "1M"; }'
	echo '@include "conf.d/*.conf"'
} >"$conf"
run 0 --check-config -c "$conf"

# A port in use is a sentence and exit status 1.
daemon_start '{ id = 0; size = "1M"; }'
cat >"$conf" <<END
portals = ( { address = "127.0.0.1"; port = $daemon_port; } );
targets = ( { name = "iqn.2026-01.org.memtgt:demo"; luns = ( { id = 0; size = "1M"; } ); } );
state_dir = "";
END
run 1 -c "$conf"
has "$err" "127\.0\.0\.1[: ].*$daemon_port .*in use"
daemon_stop

# So is an interface that is not there.
sed -i 's/^portals.*/portals = ( { address = "fe80::1%no-such-if"; } ); access = "any";/' "$conf"
run 1 -c "$conf"
has "$err" 'portals\.\[0\]: fe80::1%no-such-if: there is no network interface no-such-if'

# Port 0 twice: two daemons, two ports.
daemon_start '{ id = 0; size = "1M"; }'
first=$daemon_port
: >"$test_dir/second"
("$daemon_program" -c "$test_dir/memtgtd.conf" 2>"$test_dir/second" & echo $! >"$test_dir/pid"; wait) &
wait_until grep -q '^memtgtd: ready on ' "$test_dir/second" || die "the second is not ready"
second=$(sed -n 's/^memtgtd: ready on 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$test_dir/second")
[[ $second && $first != "$second" ]] || die "the same port $first twice"
kill -TERM "$(<"$test_dir/pid")"
wait $!  || die "exit status $? of the second"
daemon_stop
checks=$((checks + 1))

# SIGINT ends it as SIGTERM does.
daemon_start '{ id = 0; size = "1M"; }'
kill -INT "$daemon_pid"
wait "$daemon_pid" || die "exit status $? after SIGINT"
daemon_pid=
checks=$((checks + 1))

# It needs no root.
if ((EUID == 0)) && command -v setpriv >/dev/null; then
	chmod 755 "$test_dir"
	cat >"$test_dir/as-nobody" <<END
#!/bin/sh
exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \\
	"$daemon_program" "\$@"
END
	chmod 755 "$test_dir/as-nobody"
	if "$test_dir/as-nobody" --version >/dev/null 2>&1; then
		daemon_program=$test_dir/as-nobody
		daemon_start '{ id = 0; size = "4M"; }'
		daemon_stop
		checks=$((checks + 1))
	else
		echo "as another user: not tried, the program is in a folder that is not open to it"
	fi
fi

echo "$checks checks"
