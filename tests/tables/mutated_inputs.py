"""Reads mutated inputs with a compiled module and plainly, and compares what is collected."""

import sys
import time
from collections.abc import Callable
from random import Random
from types import ModuleType
from typing import Any

from tests.support.compiled_modules import loaded

INPUTS_AT_ONCE = 3
LEAST_INPUTS = 50


def compare(
    caller: ModuleType,
    module: str,
    library: str,
    *,
    mutated_input: Callable[[Random], Any],
    collected: Callable[[list[Any]], Any],
    seconds: float,
) -> int:
    """
    Return how many inputs were read in about so many *seconds*; exit at the first that is read in two ways.

    Args:
        caller: Uses the compiled *module* if its ``IS_COMPILED`` is set.
        library: The file of *module*.
        collected: What is compared.
    """
    compiled = loaded(module, library)
    setattr(caller, module.rpartition(".")[2], compiled)
    chance, count, end = Random(1), 0, time.monotonic() + seconds
    while time.monotonic() < end or count < LEAST_INPUTS:
        inputs = [mutated_input(chance) for _ in range(INPUTS_AT_ONCE)]
        found = []
        for is_compiled in (True, False):
            caller.IS_COMPILED = is_compiled  # type: ignore[attr-defined]
            found.append(collected(inputs))
        if found[0] != found[1]:
            sys.exit(f"other rows: {inputs!r}")
        count += len(inputs)
    return count
