"""Reads the output of the jobs behind the exports, version by version."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson

Histograms = list[tuple[str, dict[str, Any]]]


def by_group(lines: Iterable[bytes]) -> Iterator[tuple[str, Histograms]]:
    """
    Yield each ``<channel>/<version>`` with its histograms: name and object.

    The lines of two groups can be mixed (``nightly/2/X``, ``nightly/25/X``), so they are sorted again.
    """
    parsed = sorted(map(_parsed, lines), key=itemgetter(0, 1))
    for group, some in groupby(parsed, key=itemgetter(0)):
        yield group, [(name, orjson.loads(text)) for _, name, text in some]


def _parsed(line: bytes) -> tuple[str, str, bytes]:
    key, _, text = line.partition(b"\t")
    channel, version, name = key.decode().split("/", 2)
    return f"{channel}/{version}", name, text
