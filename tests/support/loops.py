"""Runs tests on the event loop of workers, where loops differ: when a transport pauses."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import uvloop


def on_uvloop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run *test* on uvloop instead of asyncio's own loop."""

    @wraps(test)
    def run(*args: Any, **options: Any) -> None:
        uvloop.run(test(*args, **options))

    return run
