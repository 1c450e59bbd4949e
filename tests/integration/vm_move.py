#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vm_move.py - memloan vm-move moves a disk of a real QEMU among three memtgtd, by good luck and by bad.

No guest runs: QEMU is stopped, and its monitor reads and writes the disk in the guest's place. So
where data is, and when, is known. Prints TAP. Exit status 77: QEMU is missing, or its iSCSI driver.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile

SRC = pathlib.Path(os.environ.get("MEMTGT_SRC", pathlib.Path(__file__).resolve().parent.parent.parent))
BUILD = pathlib.Path(os.environ.get("MEMTGT_BUILD", "."))
sys.dont_write_bytecode = True
sys.path.insert(0, str(SRC / "tests/guest"))

from processes import start  # noqa: E402
from targets import KINDS, Targets  # noqa: E402

# memloan.conf has one secret for a donor, for finding its targets too.
KINDS["chap"]["more"] = 'pool = { pages = "plain"; };\nsecrets = "%s";\naccess = ( { chap = "alpha"; } );\n'

MEMTGTD = pathlib.Path(os.environ.get("MEMTGTD", BUILD / "target/memtgtd"))
MEMLOAN = BUILD / "tests/tools/memloan-stops"
LIMIT = 120  # seconds for a run of memloan, and for what is waited for
DISK = "swap0"
OURS = ".test"  # a second monitor's socket: memloan has the first
LUN = 1  # thin, 512 MiB; the only one as large
# What lies where on the disk, in MiB: a pattern, from, so many.
DATA = [(0x11, 0, 24), (0x12, 300, 40)]
PHASES = "chosen noted added marked copying ready completing pivoted deleted emptied".split()


class Failed(Exception):
    pass


def check(what, true, more=""):
    if not true:
        raise Failed(f"{what} {more}")


def equal(what, got, wanted):
    check(what, got == wanted, f"is {got!r}, not {wanted!r}")


class Monitor:
    """The client of a QMP socket."""

    def __init__(self, path):
        self._path = path

    async def __aenter__(self):
        self._reader, self._writer = await asyncio.open_unix_connection(self._path, limit=1 << 22)
        await self._reader.readline()
        await self.run("qmp_capabilities")
        return self

    async def __aexit__(self, *_):
        self._writer.close()

    async def run(self, command, **arguments):
        request = {"execute": command, "arguments": {k.replace("_", "-"): v for k, v in arguments.items()}}
        self._writer.write(json.dumps(request).encode() + b"\n")
        while True:
            answer = json.loads(await asyncio.wait_for(self._reader.readline(), LIMIT))
            if "event" not in answer:
                check(f"QMP {command}", "return" in answer, answer)
                return answer["return"]


class World:
    """Three donors and a QEMU, fresh for each test; a second one for who asks for it."""

    def __init__(self, folder, sockets):
        self.folder = folder
        self.socket = sockets / "qmp"
        self.second = sockets / "qmp2"
        self.targets = Targets(MEMTGTD, folder, sockets)
        self.of = {letter: self.targets.of(letter) for letter in "ABC"}
        self._qemus = []

    def url(self, letter, lun=LUN):
        target = self.of[letter]
        return f"iscsi://127.0.0.1:{target.forwarder.port}/{target.iqn}/{lun}"

    async def begin(self):
        await self.targets.fresh()
        self.write_conf()
        other = self.of["C"]
        await self.start_qemu(
            self.socket, "A",
            "-blockdev", "driver=iscsi,node-name=other,transport=tcp,cache.direct=on,discard=unmap,"
            f"portal=127.0.0.1:{other.forwarder.port},target={other.iqn},lun=0",
            "-device", "scsi-hd,drive=other,id=swap1",
        )  # fmt: skip
        for pattern, offset, size in DATA:
            await self.guest(f"write -P {pattern} {offset}M {size}M")

    async def start_qemu(self, socket, letter, *more):
        with (self.folder / "qemu.log").open("ab") as log:
            qemu = await start(
                "qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-m", "32", "-nodefaults", "-display", "none",
                "-S", "-qmp", f"unix:{socket},server=on,wait=off", "-device", "virtio-scsi-pci",
                "-qmp", f"unix:{socket}{OURS},server=on,wait=off",
                "-drive", f"file={self.url(letter)},format=raw,if=none,id=drive0,cache=none,discard=unmap",
                "-device", f"scsi-hd,drive=drive0,id={DISK},rotation_rate=1", *more,
                stdout=log, stderr=log,
            )  # fmt: skip
        self._qemus.append(qemu)
        for _ in range(LIMIT * 50):
            if socket.exists() and pathlib.Path(f"{socket}{OURS}").exists():
                break
            check("QEMU runs", qemu.returncode is None)
            await asyncio.sleep(0.02)

    def write_conf(self, letter_of_chap="", chap=""):
        donors = ",".join(
            f'{{ name = "{letter}"; portals = [ "127.0.0.1:{target.forwarder.port}" ];'
            f'{chap if letter == letter_of_chap else ""} }}'
            for letter, target in self.of.items()
        )
        (self.folder / "memloan.conf").write_text(
            f'control_socket = "/nowhere/memtgt.sock";\ninitiator = "iqn.2026-01.org.memtgt:host";\ndonors = ( {donors} );\n'
        )

    async def end(self):
        for qemu in self._qemus:
            if qemu.returncode is None:
                qemu.kill()
                await qemu.wait()
        self._qemus.clear()
        for socket in (self.socket, self.second):
            for path in (socket, pathlib.Path(f"{socket}{OURS}")):
                path.unlink(missing_ok=True)

    # What the guest does, and what is really there.

    async def guest(self, command, socket=None):
        async with Monitor(f"{socket or self.socket}{OURS}") as monitor:
            await monitor.run("human-monitor-command", command_line=f'qemu-io -d {DISK} "{command}"')

    async def disk(self):
        async with Monitor(f"{self.socket}{OURS}") as monitor:
            blocks = await monitor.run("query-block")
        return next(block["inserted"] for block in blocks if block["qdev"] == DISK)

    async def where(self):
        file = (await self.disk())["file"]
        return next(letter for letter, target in self.of.items() if target.iqn in file)

    async def nodes(self):
        async with Monitor(f"{self.socket}{OURS}") as monitor:
            return [node["node-name"] for node in await monitor.run("query-named-block-nodes", flat=True)]

    async def jobs(self):
        async with Monitor(f"{self.socket}{OURS}") as monitor:
            return await monitor.run("query-jobs")

    async def read(self, letter, pattern, offset, size):
        process = await start(
            "qemu-io", "-r", "-f", "raw", "-c", f"read -P {pattern} {offset}M {size}{'' if isinstance(size, str) else 'M'}", self.url(letter),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, _ = await process.communicate()
        check(f"data at {letter}", b"verification failed" not in said and b"read " in said, said.decode())

    async def used(self, letter, lun=LUN):
        luns = json.loads(await self.of[letter].ctl("--json", "lun", "list"))["luns"]
        return next(one["used_bytes"] for one in luns if one["id"] == lun)

    async def claims(self, letter):
        return len(json.loads(await self.of[letter].ctl("--json", "claim", "list"))["claims"])

    async def is_on_unmarked_a(self):
        """Nothing was begun."""
        equal("where the disk is", await self.where(), "A")
        for row in DATA:
            await self.read("A", *row)
        equal("marks", [await self.claims(letter) for letter in "ABC"], [0, 0, 0])

    async def is_on(self, letter, data=None, forgot=""):
        """The disk is there with all its data, QEMU has nothing else, and other donors have nothing of it."""
        equal("where the disk is", await self.where(), letter)
        for row in data or DATA:
            await self.read(letter, *row)
        for other in "ABC".replace(letter, ""):
            if other != forgot:
                equal(f"bytes at {other}", await self.used(other), 0)
            equal(f"marks at {other}", await self.claims(other), 0)
        equal(f"marks at {letter}", await self.claims(letter), 1)
        equal("jobs", await self.jobs(), [])
        ours = [name for name in await self.nodes() if name.startswith("memtgt-")]
        check("no node of ours but that of the disk", set(ours) <= {(await self.disk())["node-name"]}, ours)

    # memloan

    async def move(self, *words, stop_at=None, socket=None, disk=DISK):
        environment = dict(os.environ)
        if stop_at:
            environment["MEMTGT_STOP_AT"] = stop_at
        return await start(
            MEMLOAN, "-c", self.folder / "memloan.conf", "vm-move", socket or self.socket, disk, *words,
            stderr=asyncio.subprocess.PIPE, env=environment,
        )  # fmt: skip

    async def moved(self, *words, status=0, says="", **options):
        process = await self.move(*words, **options)
        return await self.ended(process, status, says)

    async def ended(self, process, status=0, says=""):
        _, said = await asyncio.wait_for(process.communicate(), LIMIT)
        said = said.decode()
        print("".join(f"#   {line}\n" for line in said.splitlines()), end="", flush=True)
        equal("memloan's exit status", process.returncode, status)
        check(f"it says {says!r}", says in said, said)
        return said

    async def stopped(self, *words, at):
        """memloan, standing still at a phase."""
        process = await self.move(*words, stop_at=at)
        stat = pathlib.Path(f"/proc/{process.pid}/stat")
        for _ in range(LIMIT * 100):
            state = stat.read_text().rsplit(")", 1)[1].split()[0]
            if state in "TZ":
                break
            await asyncio.sleep(0.01)
        check(f"it stops at {at}", state == "T")
        return process


# ---- good luck ----


async def write_again_and_again(world, what):
    """The pattern of the last write that was answered is in what[0]. Sometimes the copy catches up."""
    while not what[1]:
        await world.guest(f"write -P {what[0] % 100 + 1} 200M 64k")
        what[0] = what[0] % 100 + 1
        await asyncio.sleep(0.05)


async def five_moves(world):
    for turn, letter in enumerate("BCABC"):
        await world.guest(f"write -P {0x20 + turn} {100 + turn}M 1M")
        what = [0, False]
        writer = asyncio.ensure_future(write_again_and_again(world, what))
        try:
            await world.moved("--to", letter)
        finally:
            what[1] = True
            await writer
        await world.read(letter, what[0], 200, "64k")
        data = DATA + [(0x20 + i, 100 + i, 1) for i in range(turn + 1)]
        equal("where the disk is", await world.where(), letter)
        for row in data:
            await world.read(letter, *row)
        for other in "ABC".replace(letter, ""):
            equal(f"bytes at {other}", await world.used(other), 0)
            equal(f"marks at {other}", await world.claims(other), 0)


async def there_already(world):
    said = await world.moved("--to", "A")
    check("it says where", f"it is on {world.of['A'].iqn}/{LUN} of A" in said)
    await world.is_on("A")


async def donor_killed_after_it_was_left(world):
    await world.moved("--to", "B")
    await world.of["A"].kill()
    await world.guest("write -P 0x31 200M 1M")
    await world.read("B", 0x31, 200, 1)
    await world.of["A"].start()
    await world.moved("--to", "A")
    await world.is_on("A", DATA + [(0x31, 200, 1)])


async def written_meanwhile(world):
    process = await world.stopped("--to", "B", at="copying")
    process.send_signal(signal.SIGKILL)
    await world.ended(process, -signal.SIGKILL)
    # QEMU goes on copying: what is written now must be there as well.
    await world.guest("write -P 0x41 0M 2M")
    await world.guest("write -P 0x42 400M 2M")
    await world.moved("--to", "B")
    await world.is_on("B", [(0x41, 0, 2), (0x11, 2, 22), (0x12, 300, 40), (0x42, 400, 2)])


# ---- ends before the end ----


def killed_at(phase, then):
    async def test(world):
        process = await world.stopped("--to", "B", at=phase)
        process.send_signal(signal.SIGKILL)
        await world.ended(process, -signal.SIGKILL)
        for row in DATA:
            await world.read(await world.where(), *row)
        await world.moved("--to", then)
        await world.is_on(then)

    test.__name__ = f"killed_at_{phase}_then_to_{then}"
    return test


async def interrupted(world):
    process = await world.stopped("--to", "B", "--rate", "1M", at="copying")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    await world.ended(process, 3, "interrupted")
    await world.is_on("A")


# ---- donors ----


async def lost_while_it_copies(world, lose, back, forgot=""):
    process = await world.stopped("--to", "B", "--rate", "4M", at="copying")
    await lose(world.of["B"])
    # Nothing of the guest's waits for B: not in the copy...
    await world.guest("write -P 0x50 352M 1M")
    process.send_signal(signal.SIGCONT)
    await world.ended(process, 3, "the guest goes on where it is")
    # ...nor when it has been given up.
    await world.guest("write -P 0x51 350M 1M")
    equal("where the disk is", await world.where(), "A")
    await world.read("A", 0x51, 350, 1)
    await back(world.of["B"])
    for _ in range(LIMIT):
        if all(job["status"] == "concluded" for job in await world.jobs()):
            break
        await asyncio.sleep(1)
    await world.moved("--to", "C")
    await world.is_on("C", [DATA[0], (0x51, 350, 1), (0x50, 352, 1)], forgot)


async def killed_while_it_copies(world):
    # What QEMU had under way for B it sends again, to a LUN that nobody marks any more.
    await lost_while_it_copies(world, lambda b: b.kill(), lambda b: b.start(), forgot="B")


async def stands_still_while_it_copies(world):
    await lost_while_it_copies(world, lambda b: b.pause(), lambda b: b.resume())


async def full_while_it_copies(world):
    process = await world.stopped("--to", "B", at="marked")
    await world.of["B"].ctl("pool", "resize", "144M")
    process.send_signal(signal.SIGCONT)
    await world.ended(process, 3, "the copy failed")
    await world.is_on("A")


async def full_before(world):
    await world.of["B"].ctl("pool", "resize", "144M")
    await world.moved("--to", "B", status=1, says="with memory for what is on it (64 MiB)")
    await world.is_on_unmarked_a()


async def not_there(world):
    await world.of["B"].kill()
    await world.moved("--to", "B", status=1, says="unreachable")
    equal("where the disk is", await world.where(), "A")


async def left_donor_is_silent(world):
    process = await world.stopped("--to", "B", at="pivoted")
    await world.of["A"].pause()
    process.send_signal(signal.SIGCONT)
    await world.ended(process, 0, "is not emptied yet")
    await world.guest("write -P 0x61 350M 1M")
    await world.read("B", 0x61, 350, 1)
    await world.of["A"].resume()
    await world.moved("--to", "B", says="MiB are free again")
    await world.is_on("B", [DATA[0], (0x61, 350, 1)])


async def left_donor_has_forgotten(world):
    """It was restarted, so its LUN may be anybody's: it is left as it is."""
    process = await world.stopped("--to", "B", at="pivoted")
    await world.of["A"].restart()
    process.send_signal(signal.SIGCONT)
    await world.ended(process, 0, "is left as it is")
    await world.is_on("B")


async def left_donor_drains(world):
    """It lets nobody in any more, so only QEMU can empty the LUN; and QEMU must leave."""
    await world.moved("--to", "B")
    await world.of["B"].ctl("drain")
    await world.moved("--to", "C", says="is empty; it takes no new sessions")
    equal("where the disk is", await world.where(), "C")
    for row in DATA:
        await world.read("C", *row)
    equal("bytes at B", await world.used("B"), 0)
    equal("sessions at B", json.loads(await world.of["B"].ctl("--json", "session", "list"))["sessions"], [])
    check("no node of zeroes", not [name for name in await world.nodes() if "zeroes" in name])


async def new_donor_drains(world):
    await world.of["B"].ctl("drain")
    await world.moved("--to", "B", status=1, says="draining")
    await world.is_on_unmarked_a()


async def by_chap(world):
    """QEMU and memloan have the secret of memloan.conf, and QEMU keeps no copy as an object."""
    await world.of["B"].restart("chap")
    await world.moved("--to", "B", status=1, says="refused")
    secret = world.folder / "alpha"
    secret.touch(0o600)
    secret.write_text("alpha-and-its-secret\n")
    world.write_conf("B", f' chap_user = "alpha"; chap_secret_file = "{secret}";')
    await world.moved("--to", "B")
    equal("where the disk is", await world.where(), "B")
    async with Monitor(f"{world.socket}{OURS}") as monitor:
        objects = await monitor.run("qom-list", path="/objects")
    check("no secret of ours", not [one for one in objects if one["name"].startswith("memtgt")], objects)
    await world.moved("--to", "A", says="MiB are free again")
    await world.is_on("A")


async def race(world):
    """Two guests want the same LUN: who marks it second goes back, and takes nothing with him."""
    await world.start_qemu(world.second, "C")
    await world.guest("write -P 0x71 0 8M", world.second)
    process = await world.stopped("--to", "B", at="added")
    await world.moved("--to", "B", socket=world.second)
    process.send_signal(signal.SIGCONT)
    await world.ended(process, 3, "another has claimed it")
    equal("where the disk is", await world.where(), "A")
    for row in DATA:
        await world.read("A", *row)
    await world.read("B", 0x71, 0, 8)
    equal("marks at B", await world.claims("B"), 1)


# ---- LUNs ----


async def other_data(world):
    await world.of["B"].corrupt(LUN, 4096)
    await world.moved("--to", "B", status=1, says="holds data that nobody has claimed")
    await world.is_on_unmarked_a()
    await world.moved("--to", "B", "--force")
    equal("where the disk is", await world.where(), "B")
    await world.read("B", *DATA[0])


async def claimed_by_another(world):
    """The other disk of this guest has the only LUN that is large enough."""
    await world.moved("--to", "B", disk="swap1")  # 64 MiB: the smallest that fits
    await world.moved("--to", "B", "--lun", f"{world.of['B'].iqn}/0", status=1, says="no free LUN")
    await world.moved("--to", "C", disk="swap1", status=0)
    await world.moved("--to", "B")
    equal("where the disk is", await world.where(), "B")


async def too_small(world):
    for lun in (0, 2, 7):
        await world.moved("--to", "B", "--lun", f"{world.of['B'].iqn}/{lun}", status=1, says="no free LUN")
    await world.is_on_unmarked_a()


# ---- monitors ----


async def wrong_words(world):
    await world.moved("--to", "B", status=2, says="the guest has no such disk", disk="swap7")
    await world.moved("--to", "D", status=2, says='no donor "D"')
    await world.moved(status=2, says="--to DONOR is needed")
    await world.moved("--to", "B", "--rate", "1K", status=2, says="at least 1M")
    await world.moved("--to", "B", status=2, says="domain of libvirt", socket="web1")
    await world.moved("--to", "B", status=2, says="no socket", socket="/nowhere/qmp")
    await world.moved("--to", "B", status=2, says="no socket", socket=world.folder / "memloan.conf")


async def strange_monitors(world):
    async def serve(says):
        async def client(reader, writer):
            writer.write(says)
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()

        path = world.socket.parent / "strange"
        path.unlink(missing_ok=True)
        return path, await asyncio.start_unix_server(client, path)

    greeting = b'{"QMP": {"version": {}, "capabilities": []}}\n'
    for says, answer in (
        (b"220 mail.example ESMTP\r\n", "no QMP"),
        (b"x" * (5 << 20), "a message without an end"),
        (greeting + b'{"return": 1}\n' * 3 + b"[]\n", "no QMP"),
        (greeting + b'{"error": {"desc": "\\u001b[2J no"}, "id": 1}\n', "?[2J no"),
        (b"", "says nothing"),
        (greeting, "does not answer"),
    ):
        path, server = await serve(says)
        await world.moved("--to", "B", status=3, says=answer, socket=path)
        server.close()
    async with Monitor(world.socket):
        await world.moved("--to", "B", status=3, says="has another client")


TESTS = [
    five_moves, there_already, donor_killed_after_it_was_left, written_meanwhile,
    *(killed_at(phase, then) for phase in PHASES for then in "BC"),
    interrupted, killed_while_it_copies, stands_still_while_it_copies, full_while_it_copies, full_before,
    not_there, left_donor_is_silent, left_donor_has_forgotten, left_donor_drains,
    new_donor_drains, by_chap, race, other_data, claimed_by_another, too_small,
    wrong_words, strange_monitors,
]  # fmt: skip


async def run(tests, folder, sockets):
    world = World(folder, sockets)
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        try:
            await world.begin()
            await test(world)
            result = "ok"
        except (Failed, asyncio.TimeoutError, RuntimeError, OSError) as error:
            print(f"# {type(error).__name__}: {error}")
            result = "not ok"
            failed += 1
        finally:
            await world.end()
        print(f"{result} {number} - {test.__name__}", flush=True)
    await world.targets.stop()
    for fault in world.targets.faults():
        print(f"# FAILED: {fault}")
    return 1 if failed or world.targets.faults() else 0


def main():
    for tool in ("qemu-system-x86_64", "qemu-io", "setpriv"):
        if shutil.which(tool) is None:
            print(f"SKIP: {tool} is not installed")
            sys.exit(77)
    if not MEMLOAN.exists():
        print("SKIP: memloan was not built, since libiscsi is missing")
        sys.exit(77)
    if not any(pathlib.Path("/usr/lib").rglob("qemu/block-iscsi.so")):
        print("SKIP: QEMU has no iSCSI driver (qemu-block-extra)")
        sys.exit(77)
    wanted = sys.argv[1:]
    tests = [test for test in TESTS if not wanted or test.__name__ in wanted]
    with tempfile.TemporaryDirectory(prefix="memtgt-vm.") as temporary:
        folder = pathlib.Path(os.environ.get("TEST_DIR", temporary)).resolve()
        sys.exit(asyncio.run(run(tests, folder, pathlib.Path(temporary))))


main()
