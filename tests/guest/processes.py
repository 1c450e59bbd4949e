# SPDX-License-Identifier: MIT
"""processes.py - child processes that do not outlive us, however we end."""

import asyncio


async def start(*command, death="KILL", **options):
    """The child gets this signal when we die, even by SIGKILL. Ctrl-C is for us alone."""
    options = {"stdin": asyncio.subprocess.DEVNULL, "start_new_session": True, **options}
    return await asyncio.create_subprocess_exec(
        "setpriv", "--pdeathsig", death, "--", *map(str, command), **options
    )
