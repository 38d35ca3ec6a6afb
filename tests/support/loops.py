"""The event loop that workers run, for tests of what differs between loops: when a transport pauses."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import uvloop


def on_uvloop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run *test* on uvloop, where the plugin would take asyncio's own loop."""

    @wraps(test)
    def run(*args: Any, **options: Any) -> None:
        uvloop.run(test(*args, **options))

    return run
