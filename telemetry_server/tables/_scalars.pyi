"""The scalars of a Firefox record as columns; see ``_scalars.c``."""

from typing import Any

from telemetry_server.records.sections import Section

def scalars(
    ping: int, sections: list[Section], root_places: tuple[str, ...], into: tuple[Any, ...]
) -> None: ...
