# SPDX-License-Identifier: MIT
"""targets.py - the three memtgtd, A, B and C, that a guest uses, and the words that control them.

Each listens on a port of its own behind a forwarder, whose address it announces as the guest sees it.
"""

import asyncio
import json
import os
import pathlib
import re
import shutil
import signal
import time

from forwarder import Forwarder
from processes import start
from search import count_in_memory

HOST_IN_GUEST = "10.0.2.2"  # how the guest reaches the host's loopback
END_LIMIT = 60  # seconds for memtgtd to start or to end

# What a sanitizer or an assertion says; tests/lib/daemon.sh looks for the same.
COMPLAINT = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion `"
)

# An emulated guest can be slow: no peer is dropped for that.
CONFIG = """\
portals = ( {{ address = "127.0.0.1"; port = 0; announce = "{host}:{port}"; }}{paths} );
limits = {{ rx_stall = 600; tx_stall = 600; ping_timeout = 600; }};
control = {{ socket = "{control}"; }};
targets = ( {{ name = "{iqn}"; luns = (
	{{ id = 0; size = "64M"; serial = "GUEST-{letter}-0"; provisioning = "{small}"; }},
	{{ id = 1; size = "{thin}"; serial = "GUEST-{letter}-1"; provisioning = "thin"; }},
	{{ id = 2; size = "64M"; serial = "GUEST-{letter}-2"; block_size = 4096;
	   provisioning = "{small}"; }} ); }} );
state_dir = "{state}";
{more}
"""
# The second path, of another portal group.
SECOND_PATH = ', {{ address = "127.0.0.1"; port = 0; group = 2; announce = "{host}:{port}"; }}'
# What differs: the usual LUNs, on plain pages, since what hugepages the host has others may take; the
# same, with a keeper that holds their memory, or with a file that remembers that they were used, or
# for those who know a secret, or one who uses the same for discovery; or all of them thin, one much
# larger than the memory that the host lends, in surplus hugepages.
KINDS = {
    "usual": {"small": "full", "thin": "512M", "more": 'pool = { pages = "plain"; };'},
    "kept": {"small": "full", "thin": "512M", "more": 'pool = { pages = "plain"; };'},
    "remembered": {"small": "full", "thin": "512M", "more": 'pool = { pages = "plain"; };'},
    "chap": {
        "small": "full",
        "thin": "512M",
        "more": """\
pool = { pages = "plain"; };
secrets = "%s";
access = ( { chap = "alpha"; chap_mutual = "donor"; } );
discovery = { chap = "finder"; };
""",
    },
    "secret": {
        "small": "full",
        "thin": "512M",
        "more": """\
pool = { pages = "plain"; };
secrets = "%s";
access = ( { chap = "alpha"; } );
discovery = { chap = "alpha"; };
""",
    },
    "paths": {"small": "full", "thin": "512M", "more": 'pool = { pages = "plain"; };'},
    "elastic": {"small": "thin", "thin": "64G", "more": 'pool = { pages = "huge"; };'},
}
SECRETS = """\
credentials = ( { name = "alpha"; secret = "alpha-and-its-secret"; },
                { name = "donor"; secret = "donor-and-its-secret"; },
                { name = "finder"; secret_hex = "66696e6465722d736563726574"; } );
"""
# What a target does itself.
WORDS = {"start", "stop", "kill", "crash", "restart", "corrupt", "ctl", "curve", "pause", "resume", "search"}
SURPLUS = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/surplus_hugepages")


class Target:
    """One memtgtd. What it did wrong is added to faults."""

    def __init__(self, letter, program, folder, sockets):
        self.letter = letter
        self.iqn = f"iqn.2026-01.org.memtgt:guest-{letter.lower()}"
        self.forwarder = Forwarder()
        self.second = Forwarder()  # of the second path, if it is of that kind
        self.log = folder / f"memtgtd-{letter}.log"
        self.faults = []
        self._program = program
        self._folder = folder
        self._state = folder / f"state-{letter}"
        self._curve_begun = None
        self._control = sockets / f"control-{letter}"
        self._config = folder / f"memtgtd-{letter}.conf"
        self._process = None  # the daemon, or its keeper

    def _fault(self, text):
        self.faults.append(f"memtgtd {self.letter} {text}")

    async def start(self, kind="usual"):
        if self._process is not None:
            return
        await self.forwarder.listen(None)
        if kind == "paths":
            await self.second.listen(None)
        self._state.mkdir(exist_ok=True)
        self._write_config(kind)
        with self.log.open("ab") as log:
            begin = log.tell()
            # A keeper that is killed would leave its daemon behind.
            keeper, death = (["--keeper"], "TERM") if kind == "kept" else ([], "KILL")
            self._process = await start(self._program, "-c", self._config, *keeper, death=death, stderr=log)
        ports = await self._ready_ports(begin)
        await self.forwarder.listen(ports[0])
        if kind == "paths":
            await self.second.listen(ports[1])

    def _write_config(self, kind):
        kind_of_it = dict(KINDS[kind])
        if kind in ("chap", "secret"):
            secrets = self._folder / f"secrets-{self.letter}.conf"
            secrets.touch(0o600)
            secrets.write_text(SECRETS)
            kind_of_it["more"] %= secrets.absolute()
        text = CONFIG.format(
            host=HOST_IN_GUEST,
            port=self.forwarder.port,
            paths=SECOND_PATH.format(host=HOST_IN_GUEST, port=self.second.port) if kind == "paths" else "",
            iqn=self.iqn,
            letter=self.letter,
            control=self._control,
            state=self._state if kind == "remembered" else "",
            **kind_of_it,
        )
        self._config.write_text(text)

    async def _ready_ports(self, begin):
        """The ports, once the log says them. The daemon that ends before or says nothing is an error."""
        for _ in range(END_LIMIT * 50):
            text = self.log.read_bytes()[begin:].decode()
            match = re.search(r"^memtgtd: ready on (.*)\n", text, re.M)
            if match:
                return [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", match[1])]
            if self._process.returncode is not None:
                break
            await asyncio.sleep(0.02)
        raise RuntimeError(f"memtgtd {self.letter} was not ready: {text}")

    async def stop(self):
        """The clean end, which must be one."""
        if self._process is None:
            return
        status = await self._end(signal.SIGTERM)
        if status != 0:
            self._fault(f"ended with status {status}")

    async def kill(self):
        if self._process is not None:
            await self._end(signal.SIGKILL)

    async def restart(self, kind="usual"):
        """What there was is forgotten."""
        await self.stop()
        shutil.rmtree(self._state, ignore_errors=True)
        await self.start(kind)

    async def _end(self, number):
        """Ends the daemon, so its memory is lost; returns its status."""
        process, self._process = self._process, None
        for forwarder in (self.forwarder, self.second):
            forwarder.refuse()
            forwarder.thaw()
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)  # it may have been paused
            process.send_signal(number)
        else:
            self._fault("ended by itself")
        try:
            await asyncio.wait_for(process.wait(), END_LIMIT)
        except asyncio.TimeoutError:
            self._fault("did not end")
            process.kill()
            await process.wait()
        if COMPLAINT.search(self.log.read_text(errors="replace")):
            self._fault("has a sanitizer's report in its log")
        return process.returncode

    async def crash(self):
        """Kills the daemon of a keeper, which starts another."""
        pid = self._process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        killed = children.read_text().split()
        if len(killed) != 1:
            raise RuntimeError(f"the keeper of {self.letter} has the children {killed}")
        os.kill(int(killed[0]), signal.SIGKILL)
        for _ in range(END_LIMIT * 50):
            await asyncio.sleep(0.02)
            if children.read_text().split() not in ([], killed):
                return
        raise RuntimeError(f"the keeper of {self.letter} starts no other daemon")

    async def pause(self):
        """The daemon stands still, and its kernel goes on taking what comes."""
        self._process.send_signal(signal.SIGSTOP)

    async def resume(self):
        self._process.send_signal(signal.SIGCONT)

    async def ctl(self, *words):
        """What memtgtctl says, in a line."""
        program = self._program.parent / "memtgtctl" / "memtgtctl"
        process = await start(
            program, "-s", self._control, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"memtgtctl: status {process.returncode}: {said.decode()}")
        return " ".join(said.decode().split())

    def _held(self):
        """Bytes of the host that the memory of all LUNs takes, as the kernel counts them."""
        for link in pathlib.Path(f"/proc/{self._process.pid}/fd").iterdir():
            if os.readlink(link).startswith("/memfd:memtgt-pool"):
                return os.stat(link).st_blocks * 512
        raise RuntimeError(f"memtgtd {self.letter} has no file of the pool")

    async def curve(self, name, lun, column, value):
        """Adds a row to NAME.csv; answers MiB of the LUN and of the host for all LUNs."""
        luns = json.loads(await self.ctl("--json", "lun", "list"))["luns"]
        used = next(one["used_bytes"] for one in luns if one["id"] == int(lun)) >> 20
        held = self._held() >> 20
        with (self._folder / f"{name}.csv").open("a") as file:
            if self._curve_begun is None:
                self._curve_begun = time.monotonic()
                print(f"seconds,{column},lun_mib,host_mib", file=file)
            print(f"{time.monotonic() - self._curve_begun:.1f}", value, used, held, sep=",", file=file)
        return f"{used} {held}"

    async def search(self, text):
        """How often the text is in the daemon's memory, which is that of its LUNs, too."""
        return await asyncio.to_thread(count_in_memory, self._process.pid, text.encode())

    async def corrupt(self, lun, offset):
        """Changes a block behind the guest's back, through another initiator."""
        url = f"iscsi://127.0.0.1:{self.forwarder.backend}/{self.iqn}/{lun}"
        write = f"write -P 0x5e {offset} 4096"
        process = await start("qemu-io", "-f", "raw", "-c", write, url, stdout=asyncio.subprocess.PIPE)
        said, _ = await process.communicate()
        if b"wrote 4096/4096" not in said:
            raise RuntimeError(f"qemu-io: {said.decode()}")


class Targets:
    """A, B and C, and what the guest's command `host` may say to them."""

    def __init__(self, program, folder, sockets):
        self._targets = {letter: Target(letter, program, folder, sockets) for letter in "ABC"}

    def __iter__(self):
        return iter(self._targets.values())

    def of(self, letter):
        return self._targets[letter]

    def faults(self):
        return [fault for target in self for fault in target.faults]

    async def fresh(self):
        """All run, with nothing but zeros."""
        for target in self:
            await target.restart()

    async def stop(self):
        for target in self:
            await target.stop()

    async def do(self, word, letter="", *more):
        """Returns what is answered to the guest; an error is an exception."""
        if word == "fresh":
            return await self.fresh()
        if word == "surplus":
            return SURPLUS.read_text().strip()
        target = self._targets[letter[:1]]
        forwarder = target.second if letter[1:] == "2" else target.forwarder
        if word in WORDS:
            return await getattr(target, word)(*more)
        if word in ("freeze", "thaw"):
            return getattr(forwarder, word)()
        if word == "cut":
            return forwarder.cut_after(int(more[0])) if more else forwarder.cut()
        if word == "shut":
            forwarder.refuse()
            return forwarder.cut()
        if word == "open":
            return await forwarder.listen(forwarder.backend)
        if word in ("port", "accepted", "passed", "resets"):
            return getattr(forwarder, word)
        if word == "name":
            return target.iqn
        raise ValueError(f"no word {word}")
