"""Runs short processes beside the server: each leaves no memory behind, and can be killed at any moment."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress

from telemetry_server.supervision.interpreter import python_words


async def run_short_process(module: str, *words: str, given: bytes = b"") -> tuple[int, str]:
    """
    Run ``python -m`` *module* with *words* to its end; return its status and the last line of its stderr.

    Its stdin has *given* and stays open until it ends, so the process notices when the server has ended.  It
    is killed if this call is cancelled.

    Raises:
        OSError: It could not be started.
    """
    process = await asyncio.create_subprocess_exec(
        *python_words(), "-m", module, *words, stdin=PIPE, stdout=DEVNULL, stderr=PIPE
    )
    assert process.stdin is not None
    assert process.stderr is not None
    try:
        if given:
            process.stdin.write(given)
        text = await process.stderr.read()
        status = await process.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    finally:
        process.stdin.close()
    lines = text.decode(errors="replace").strip().splitlines()
    return status, lines[-1] if lines else ""
