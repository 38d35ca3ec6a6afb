"""The metrics of a Glean ping as columns; see ``_metrics.c``."""

from collections.abc import Callable
from typing import Any

def metrics(
    ping: int,
    sent: dict[str, Any],
    forms: dict[str, int],
    shape_keys: dict[tuple[str, str], int],
    text_of: Callable[[Any], str],
    scalars: tuple[Any, ...],
    histograms: tuple[Any, ...],
) -> bool: ...
