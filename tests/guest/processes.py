# SPDX-License-Identifier: MIT
"""processes.py - child processes that do not outlive us, however we end."""

import asyncio


async def start(*command, **options):
    """The kernel kills the child when we die, even by SIGKILL. Ctrl-C is for us alone."""
    options = {"stdin": asyncio.subprocess.DEVNULL, "start_new_session": True, **options}
    return await asyncio.create_subprocess_exec(
        "setpriv", "--pdeathsig", "KILL", "--", *map(str, command), **options
    )
