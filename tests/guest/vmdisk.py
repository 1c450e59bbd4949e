# SPDX-License-Identifier: MIT
"""vmdisk.py - a disk of the guest that is QEMU's own iSCSI driver's, and memloan on the host that moves it.

The guest sees a SCSI disk of its machine and nothing of donors: LUN 1 of A first. `host vm-move B`
moves it.
"""

import asyncio

from processes import start

DISK = "swap0"
LUN = 1


class VmDisk:
    """memloan is tests/tools/memloan-stops: all donors are on this host."""

    def __init__(self, memloan, folder, sockets, targets):
        self._memloan = memloan
        self._conf = folder / "memloan.conf"
        self._socket = sockets / "qmp"
        self._targets = targets

    def arguments(self):
        """QEMU's, once the donors listen."""
        donor = self._targets.of("A")
        place = f"portal=127.0.0.1:{donor.forwarder.port},target={donor.iqn},lun={LUN}"
        return [
            "-qmp", f"unix:{self._socket},server=on,wait=off", "-uuid", "6d656d74-6774-4d76-8000-000000000001",
            "-device", "virtio-scsi-pci",
            "-blockdev", f"driver=iscsi,node-name={DISK},transport=tcp,{place},cache.direct=on,discard=unmap",
            "-device", f"scsi-hd,drive={DISK},id={DISK},rotation_rate=1",
        ]  # fmt: skip

    async def move(self, letter, *more):
        """What memloan says, in a line."""
        donors = ", ".join(
            f'{{ name = "{target.letter}"; portals = [ "127.0.0.1:{target.forwarder.port}" ]; }}'
            for target in self._targets
        )
        self._conf.write_text(f'control_socket = "/nowhere/control";\ndonors = ( {donors} );\n')
        process = await start(
            self._memloan, "-c", self._conf, "vm-move", self._socket, DISK, "--to", letter, *more,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await process.communicate()
        text = " | ".join(said.decode().splitlines())
        if process.returncode != 0:
            raise RuntimeError(f"memloan: status {process.returncode}: {text}")
        return text
