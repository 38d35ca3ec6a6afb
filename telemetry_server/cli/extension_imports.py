"""Ctrl-C while a compiled module is imported."""

import signal
from collections.abc import Callable
from functools import wraps
from importlib.machinery import ExtensionFileLoader
from typing import Any


def hold_interrupts_while_they_load() -> None:
    """
    Hold SIGINT back in this process until a compiled module is imported whole.

    A compiled module may import others, and some end the process where such an import is interrupted.
    """
    loader: Any = ExtensionFileLoader
    # A module of one phase is initialised as it is created, another one when it is executed.
    loader.create_module = _uninterrupted(loader.create_module)
    loader.exec_module = _uninterrupted(loader.exec_module)


def _uninterrupted(load: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(load)
    def load_whole(*arguments: Any) -> Any:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return load(*arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)  # Ctrl-C that was held raises here

    return load_whole
