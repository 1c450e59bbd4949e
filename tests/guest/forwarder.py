# SPDX-License-Identifier: MIT
"""forwarder.py - a TCP port whose connections go on to another port, and can be cut or frozen.

The guest reaches memtgtd through it, so that a network can fail without a daemon that fails.
"""

import asyncio
import socket
import struct

CHUNK = 64 << 10
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 seconds


class Forwarder:
    """One listening port of 127.0.0.1. Its number stays when listening stops and begins again."""

    def __init__(self):
        self.port = 0
        self.backend = None  # the port where connections go on to
        self.accepted = 0
        self.passed = 0  # bytes, both ways
        self.resets = 0  # connections that were cut
        self._server = None
        self._writers = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._fuse = None  # bytes until the cut

    async def listen(self, backend):
        self.backend = backend
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self):
        """Nobody listens any more: a new connection is refused."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def freeze(self):
        self._flowing.clear()

    def thaw(self):
        self._flowing.set()

    def cut(self):
        """Resets all connections. New ones are accepted."""
        writers, self._writers = self._writers, set()
        for writer in writers:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.transport.abort()
        self.resets += len(writers) // 2

    def cut_after(self, count):
        """The same when so many more bytes have passed, so in the middle of traffic."""
        self._fuse = count

    async def _serve(self, reader, writer):
        self.accepted += 1
        try:
            onward = await asyncio.open_connection("127.0.0.1", self.backend)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, onward[1]}
        self._writers |= both
        try:
            await asyncio.gather(self._pump(reader, onward[1]), self._pump(onward[0], writer))
        finally:
            self._writers -= both
            for one in both:
                one.transport.abort()

    async def _pump(self, reader, writer):
        """Bytes of one direction. The end of one is the end of both, as for iSCSI."""
        try:
            while data := await reader.read(CHUNK):
                await self._flowing.wait()
                blown = self._fuse is not None and self._fuse <= len(data)
                if blown:
                    data = data[: self._fuse]
                writer.write(data)
                await writer.drain()
                self._count(len(data))
            writer.write_eof()
        except OSError:
            writer.transport.abort()

    def _count(self, length):
        self.passed += length
        if self._fuse is None:
            return
        self._fuse -= length
        if self._fuse <= 0:
            self._fuse = None
            self.cut()
