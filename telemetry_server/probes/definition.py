"""Definitions of probes, from any kind of file."""

from dataclasses import dataclass
from enum import StrEnum


class FileKind(StrEnum):
    """The kinds of definitions, as ``specs show --kind`` names them."""

    HISTOGRAM = "histogram"
    SCALAR = "scalar"
    EVENT = "event"
    USE_COUNTER = "usecounter"
    GLEAN = "glean"


MAIN_STORE = "main"


@dataclass(frozen=True, slots=True)
class Definition:
    """The common part of all definitions: where and when a probe is recorded."""

    name: str  # the full label: "category.probe"
    line: int  # of its file, from 1
    expires: str = "never"  # or the first version without it
    owners: tuple[str, ...] = ()  # mail addresses
    processes: tuple[str, ...] = ()  # empty: in all
    stores: tuple[str, ...] = (MAIN_STORE,)
    products: tuple[str, ...] = ()  # empty: in all
    systems: tuple[str, ...] = ()  # empty: in all
    is_opt_in: bool = True  # recorded by default on pre-release channels only
    description: str = ""


@dataclass(frozen=True, slots=True)
class ScalarDefinition(Definition):
    """A probe of Scalars.yaml."""

    kind: str = "uint"  # "uint", "string" or "boolean"
    keyed: bool = False
    keys: tuple[str, ...] = ()  # empty: any key is allowed


@dataclass(frozen=True, slots=True)
class EventDefinition(Definition):
    """An entry of Events.yaml; `name` is ``category.entry``."""

    category: str = ""
    methods: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    extra_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HistogramRules(Definition):
    """The definition of a histogram without its buckets."""

    keyed: bool = False
    keys: tuple[str, ...] = ()
