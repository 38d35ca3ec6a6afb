"""``stores.toml``: the store of each doctype, and whether its pings may have a client id."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

from telemetry_server.probes.definition import MAIN_STORE
from telemetry_server.probes.errors import BadStoresFile

TELEMETRY = "telemetry"
MAIN = "main"
MAX_BYTES = 1 << 20
PROCESS = "*"
SCALARS = "scalars"

Presence = Literal["forbidden", "required", "allowed"]
Path_ = tuple[str, ...]
# Default places of a ping's scalars: process → label, or in each process.
DEFAULT_SECTIONS: tuple[Path_, ...] = (
    ("payload", SCALARS, PROCESS),
    ("payload", "processes", PROCESS, SCALARS),
)
KEYS = ("store", "client_id", "environment", "sections", "min_interval_seconds")


@dataclass(frozen=True, slots=True)
class StorePolicy:
    """The rules for the pings of one doctype."""

    store: str
    client_id: Presence = "allowed"
    environment: Presence = "allowed"
    sections: tuple[Path_, ...] = DEFAULT_SECTIONS
    min_interval_seconds: int = 0  # 0: pings may come as often as they like
    packs_histograms: bool = False  # whether records of the doctype hold histograms as rows

    @property
    def is_anonymous(self) -> bool:
        """Whether the pings must not have a client id."""
        return self.client_id == "forbidden"


# The doctypes whose histograms become rows.
PACKED_DOCTYPES = frozenset({MAIN, "first-shutdown", "saved-session"})
MAIN_POLICY = StorePolicy(
    MAIN_STORE, sections=(("payload", "processes", PROCESS, SCALARS),), packs_histograms=True
)


@dataclass(frozen=True, slots=True)
class Stores:
    """The policies by (namespace, doctype)."""

    policies: Mapping[tuple[str, str], StorePolicy] = field(default_factory=dict)

    def policy_of(self, namespace: str, doctype: str) -> StorePolicy | None:
        """Return the policy of a doctype; main pings have one without a table, others do not."""
        policy = self.policies.get((namespace, doctype))
        if policy is None and (namespace, doctype) == (TELEMETRY, MAIN):
            return MAIN_POLICY
        return policy

    def is_anonymous(self, namespace: str, doctype: str) -> bool:
        """Whether the pings of a doctype must not have a client id."""
        policy = self.policies.get((namespace, doctype))
        return policy is not None and policy.is_anonymous

    @property
    def anonymous(self) -> frozenset[tuple[str, str]]:
        """The (namespace, doctype) of every anonymous store."""
        return frozenset(key for key, policy in self.policies.items() if policy.is_anonymous)

    @property
    def has_anonymous(self) -> bool:
        """Whether any doctype is anonymous."""
        return any(policy.is_anonymous for policy in self.policies.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the stores, sorted; ``main`` is one of them."""
        return tuple(sorted({MAIN_STORE, *(policy.store for policy in self.policies.values())}))


NO_STORES = Stores()


def read_stores(path: Path) -> Stores:
    """
    Read a file of stores.

    Raises:
        BadStoresFile: It cannot be read or is invalid; the text is one line.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise BadStoresFile(f"{path}: {error.strerror}") from None
    try:
        return parse_stores(text)
    except BadStoresFile as error:
        raise BadStoresFile(f"{path}: {error}") from None


def parse_stores(text: bytes) -> Stores:
    """
    Read the text of a file of stores: a table for each doctype.

    Raises:
        BadStoresFile: It is invalid; the text names the table and the key.
    """
    if len(text) > MAX_BYTES:
        raise BadStoresFile(f"{len(text):,} bytes; at most {MAX_BYTES:,} are read")
    try:
        tables = tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadStoresFile(f"not TOML: {' '.join(str(error).split())}") from None
    policies: dict[tuple[str, str], StorePolicy] = {}
    for name, table in tables.items():
        namespace, slash, doctype = name.partition("/")
        key = (namespace, doctype) if slash else (TELEMETRY, name)
        if not all(key) or "/" in key[1]:
            raise BadStoresFile(f"[{name!r:.80}] is neither a doctype nor <namespace>/<doctype>")
        if key in policies:
            raise BadStoresFile(f"[{name}]: {key[0]}/{key[1]} has two tables")
        if not isinstance(table, dict):
            raise BadStoresFile(f"{name} is outside of a table; begin with a line such as [custom]")
        is_packed = key[0] == TELEMETRY and key[1] in PACKED_DOCTYPES
        policies[key] = _policy(name, table, is_packed=is_packed)
    return Stores(policies)


def _policy(name: str, table: dict[str, Any], *, is_packed: bool) -> StorePolicy:
    for key in table:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known keys are {', '.join(KEYS)}"
            raise BadStoresFile(f"[{name}]: the key {key!r:.80} is not known{hint}")
    store = table.get("store")
    if not isinstance(store, str) or not store:
        raise BadStoresFile(f"[{name}]: store is missing: the name of a store, as in record_into_store")
    seconds = table.get("min_interval_seconds", 0)
    if type(seconds) is not int or seconds < 0:
        raise BadStoresFile(f"[{name}]: min_interval_seconds is not a whole number from 0")
    return StorePolicy(
        store,
        _presence(name, table, "client_id"),
        _presence(name, table, "environment"),
        _sections(name, table["sections"]) if "sections" in table else DEFAULT_SECTIONS,
        seconds,
        packs_histograms=is_packed,
    )


def _presence(name: str, table: dict[str, Any], key: str) -> Presence:
    value = table.get(key, "allowed")
    for allowed in get_args(Presence):
        if value == allowed:
            found: Presence = allowed
            return found
    raise BadStoresFile(f"[{name}]: {key} is {value!r:.80}, not one of {', '.join(get_args(Presence))}")


def _sections(name: str, value: Any) -> tuple[Path_, ...]:
    """Paths such as ``payload.scalars.*`` and ``payload.processes.*.scalars``; * stands for a process."""
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
        raise BadStoresFile(f"[{name}]: sections is not a path or a list of paths")
    return tuple(_section(name, path) for path in paths)


def _section(name: str, path: str) -> Path_:
    steps = tuple(PROCESS if step in ("<process>", "{process}") else step for step in path.split("."))
    if steps[-1:] == (SCALARS,) and PROCESS not in steps:
        steps = (*steps, PROCESS)
    elif steps[-1:] == ("processes",):
        steps = (*steps, PROCESS, SCALARS)
    if not all(steps) or steps.count(PROCESS) != 1 or steps.count(SCALARS) != 1:
        raise BadStoresFile(
            f"[{name}]: section {path!r:.80} is not a path such as payload.scalars.* "
            "or payload.processes.*.scalars"
        )
    return steps
