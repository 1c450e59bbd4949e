# SPDX-License-Identifier: MIT
"""machine.py - one boot of the guest under QEMU, without KVM.

Ports of virtio-serial lead out of it: "report" says how scenarios went, "control" carries the command
`host` and its answers, "dmesg" is the kernel's log. The console goes to a file.
"""

import asyncio
import contextlib
import os
import signal
import tarfile

from processes import start

END_LIMIT = 30  # seconds for QEMU to end
KERNEL_ARGUMENTS = "console=ttyS0 quiet panic=-1 mitigations=off nokaslr net.ifnames=0 cryptomgr.notests"


def pack_job(path, files):
    """A tar on a raw disk: files are pairs of a name in the guest and a path."""
    with tarfile.open(path, "w", dereference=True) as tar:
        for name, source in files:
            tar.add(source, name)
    with path.open("ab") as disk:
        disk.truncate((disk.tell() + 0xFFFF) & ~0xFFFF)


def disk(name, path, option):
    return [
        "-drive", f"id={name},file={path},format=raw,if=none,{option}",
        "-device", f"virtio-blk-pci,drive={name}",
    ]  # fmt: skip


def local_disk(path, mebibytes=512):
    """A disk on this host's, all of it there, past the host's page cache: its serial number is "local"."""
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, mebibytes << 20)
    return [
        "-drive", f"id=local,file={path},format=raw,if=none,cache=none",
        "-device", "virtio-blk-pci,drive=local,serial=local",
    ]  # fmt: skip


def port(name, chardev):
    return [
        "-chardev", f"{chardev},id={name}",
        "-device", f"virtserialport,chardev={name},name={name}",
    ]  # fmt: skip


class Machine:
    """The guest. respond(words) is called for each line of `host`, and returns text."""

    def __init__(self, image, folder, memory, arguments, respond, devices):
        self._devices = devices  # more arguments of QEMU
        self._image = image
        self._folder = folder
        self._memory = memory
        self._arguments = arguments
        self._respond = respond
        self._report = asyncio.Queue()
        self._servers = []
        self._process = None
        self._tasks = []

    def _command(self, sockets, console):
        return [
            "qemu-system-x86_64", "-M", "q35,usb=off,vmport=off,graphics=off",
            "-accel", "tcg,thread=multi", "-cpu", "Nehalem-v1", "-smp", "1", "-m", self._memory,
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", self._image / "vmlinuz", "-initrd", self._image / "initramfs",
            "-append", f"{KERNEL_ARGUMENTS} {self._arguments}", *console,
            *disk("root", self._image / "root.ext4", "snapshot=on"),
            *disk("job", self._folder / "job.tar", "readonly=on"),
            "-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-pci,netdev=net,romfile=",
            "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
            *port("report", f"socket,path={sockets}/report"),
            *port("control", f"socket,path={sockets}/control"),
            *port("dmesg", f"file,path={self._folder}/dmesg.log,append=on"),
            *self._devices,
        ]  # fmt: skip

    async def boot(self, sockets):
        """sockets is a folder with a short path: that of a socket has an end at 108 bytes."""
        await self._listen(sockets / "report", self._read_report)
        await self._listen(sockets / "control", self._answer)
        chardev = f"file,path={self._folder}/console.log,append=on,id=console"
        console = ["-chardev", chardev, "-serial", "chardev:console"]
        with (self._folder / "qemu.log").open("ab") as log:
            self._process = await start(*self._command(sockets, console), stdout=log, stderr=log)

    async def boot_with_terminal(self, sockets):
        """The console is our terminal, whose keys are the guest's."""
        await self._listen(sockets / "report", self._read_report)
        await self._listen(sockets / "control", self._answer)
        self._process = await start(
            *self._command(sockets, ["-serial", "mon:stdio"]), stdin=None, start_new_session=False
        )
        await self._process.wait()

    async def _listen(self, path, serve):
        self._servers.append(await asyncio.start_unix_server(serve, path))

    async def _read_report(self, reader, _):
        while line := await reader.readline():
            self._report.put_nowait(line.decode(errors="replace").rstrip())

    async def report(self, limit):
        """The next line; None if the guest has ended or said nothing for so many seconds."""
        line = asyncio.ensure_future(self._report.get())
        end = asyncio.ensure_future(self._process.wait())
        try:
            await asyncio.wait({line, end}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            return line.result() if line.done() else None
        finally:
            line.cancel()
            end.cancel()

    async def _answer(self, reader, writer):
        """A line "WORD ..." is answered by "STATUS TEXT"."""
        while line := await reader.readline():
            try:
                words = line.decode().split()
                said = self._stall(*words[1:]) if words[0] == "stall" else await self._respond(words)
                answer = "0" if said is None else f"0 {said}"
            except Exception as error:  # what it is, the guest is to know
                answer = f"1 {type(error).__name__}: {error}".replace("\n", " | ")
            writer.write(answer.encode() + b"\n")
            await writer.drain()

    def _stall(self, seconds):
        """The whole guest stands still for so long, soon after this was answered."""
        self._tasks.append(asyncio.create_task(self._stand_still(float(seconds))))

    async def _stand_still(self, seconds):
        await asyncio.sleep(0.5)
        self._process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def end(self):
        """The guest was asked to switch itself off, or has to go."""
        if self._process is not None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._process.wait(), END_LIMIT)
        self.kill()

    def kill(self):
        for task in self._tasks:
            task.cancel()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        for server in self._servers:
            server.close()
