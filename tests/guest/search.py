# SPDX-License-Identifier: MIT
"""search.py - how often some bytes are in a process's memory: in what it has mapped, and in its memfds,
of which it need not have mapped all."""

import os
import pathlib
import re

CHUNK = 4 << 20
MOST = 64 << 30  # a mapping that is larger is a sanitizer's own, and nearly empty
MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw\S+ \S+ \S+ \d+\s*(.*)$", re.M)


def _count(file, begin, end, what):
    """In bytes [begin, end) of a file; what lies across the edge of two chunks counts once."""
    found, rest = 0, b""
    while begin < end:
        chunk = os.pread(file, min(CHUNK, end - begin), begin)
        if not chunk:
            break
        found += (rest + chunk).count(what)
        rest = (rest + chunk)[1 - len(what) :] if len(what) > 1 else b""
        begin += len(chunk)
    return found


def _in_memfd(path, what):
    """Holes are left out: they stay holes."""
    found, end = 0, 0
    file = os.open(path, os.O_RDONLY)
    try:
        while True:
            try:
                begin = os.lseek(file, end, os.SEEK_DATA)
            except OSError:  # there is nothing more
                return found
            end = os.lseek(file, begin, os.SEEK_HOLE)
            found += _count(file, begin, end, what)
    finally:
        os.close(file)


def _in_private(pid, what):
    """The heap, stacks, and all else that can be written and is no file."""
    found = 0
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        for begin, end, name in MAPPING.findall(pathlib.Path(f"/proc/{pid}/maps").read_text()):
            begin, end = int(begin, 16), int(end, 16)
            if not name.startswith("/") and not name.startswith("anon_inode") and end - begin <= MOST:
                found += _count(memory, begin, end, what)
    finally:
        os.close(memory)
    return found


def count_in_memory(pid, what):
    found = _in_private(pid, what)
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        if os.readlink(link).startswith("/memfd:"):
            found += _in_memfd(link, what)
    return found
