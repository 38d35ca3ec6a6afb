"""The definitions of a Glean application, read by glean-parser (the extra ``glean``)."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from telemetry_server.probes.custom_buckets import custom_buckets
from telemetry_server.probes.errors import DefinitionProblem, NotADefinitionFile
from telemetry_server.probes.fields import TWICE, Mode, Problems, unique_pairs
from telemetry_server.probes.yaml_file import Node, Pairs, read_yaml

EXTRA_MISSING = "glean-parser is not installed: pip install 'telemetry-server[glean]'"
EXPIRES = "expires"
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", re.ASCII)
DEFAULT_PING = "metrics"
EVENTS_PING = "events"
EVENT = "event"


@dataclass(frozen=True, slots=True)
class GleanMetric:
    """One metric of a Glean application."""

    name: str  # category.metric
    line: int  # of its file, from 1
    kind: str  # Glean's type: "counter", "labeled_string", …
    pings: tuple[str, ...]
    expires: str  # "never", "expired", a date, or a version
    expires_by_version: bool
    owners: tuple[str, ...]
    labels: tuple[str, ...] = ()
    extra_keys: tuple[str, ...] = ()
    description: str = ""
    file: str = ""  # the name of its file
    starts: tuple[int, ...] = ()  # of the buckets of a custom distribution
    is_linear: bool = False  # whether these buckets have equal widths

    @property
    def keyed(self) -> bool:
        """Whether it has a value for each label."""
        return self.kind.startswith(("labeled_", "dual_labeled_"))


@dataclass(frozen=True, slots=True)
class GleanPing:
    """One ping of a Glean application."""

    name: str
    line: int
    has_client_id: bool
    description: str = ""


@dataclass(frozen=True, slots=True)
class GleanDefinitions:
    """The metrics and pings of some files, and the problems of the files."""

    metrics: Mapping[str, GleanMetric]
    pings: Mapping[str, GleanPing]
    problems: tuple[str, ...] = ()  # one line each


def parse_glean(paths: Sequence[Path]) -> GleanDefinitions:
    """
    Parse files of metrics and pings; a file with a problem may lack all of its definitions.

    Raises:
        NotADefinitionFile: A file cannot be read or is past the limits, or glean-parser is not installed.
    """
    try:
        from glean_parser import parser
    except ImportError:
        raise NotADefinitionFile(EXTRA_MISSING) from None
    metrics: dict[str, GleanMetric] = {}
    pings: dict[str, GleanPing] = {}
    problems: list[str] = []
    for path in paths:
        config: dict[str, Any] = {"allow_reserved": True, "do_not_disable_expired": True}
        root = _checked(path)
        problems += [f"{path.name}: {problem}" for problem in _twice(root)]
        expiries = list(_expiries_of(root))
        problems += [f"{path.name}: {problem}" for problem in _mixed(expiries)]
        by_version = any(expiry.is_version for expiry in expiries)
        if by_version:
            config["expire_by_version"] = 0
        try:
            with warnings.catch_warnings():
                # The library's own use of jsonschema.
                warnings.simplefilter("ignore", DeprecationWarning)
                parsed = parser.parse_objects([path], config)
                problems += [" ".join(str(problem).replace("=", "").split()) for problem in parsed]
            objects = parsed.value
        except Exception as error:
            # The library raises many types for files that it cannot take.
            problems.append(f"{path.name}: {' '.join(str(error).split()) or type(error).__name__}")
            continue
        for category, named in objects.items():
            if category == "tags":
                continue
            for name, found in named.items():
                if found is None:
                    continue  # the library refused it, and reported why
                if category == "pings":
                    pings[name] = _ping(found)
                elif category != "all-pings":
                    metric = _metric(found, by_version, path.name)
                    metrics[metric.name] = metric
    return GleanDefinitions(metrics, pings, tuple(problems))


def _checked(path: Path) -> Node:
    """Return the tree of a file that is small and flat enough for a parser without limits."""
    try:
        return read_yaml(path.read_bytes())
    except OSError as error:
        raise NotADefinitionFile(f"{path}: {error.strerror}") from None
    except NotADefinitionFile as error:
        raise NotADefinitionFile(f"{path}: {error}") from None


class _Expiry(NamedTuple):
    name: str  # category.metric
    line: int
    is_version: bool


def _expiries_of(root: Node) -> Iterator[_Expiry]:
    """Yield the metrics of a file that expire on a date or in a version, a whole number."""
    for category, metrics in root.value if isinstance(root.value, Pairs) else ():
        for metric, fields in metrics.value if isinstance(metrics.value, Pairs) else ():
            for key, value in fields.value if isinstance(fields.value, Pairs) else ():
                text = str(value.plain)
                is_version = text.isdigit() and not isinstance(value.plain, bool)
                if key.value == EXPIRES and (is_version or _DATE.fullmatch(text)):
                    yield _Expiry(f"{category.plain}.{metric.plain}", value.line, is_version)


def _mixed(expiries: Sequence[_Expiry]) -> Iterator[DefinitionProblem]:
    """Yield the first metric that expires in another form than the first one of its file."""
    for expiry in expiries:
        if expiry.is_version != expiries[0].is_version:
            forms = ("a version", "a date") if expiry.is_version else ("a date", "a version")
            detail = f"it expires at {forms[0]}, {expiries[0].name} at {forms[1]}: use one form in a file"
            yield DefinitionProblem(expiry.line, expiry.name, detail)
            return


def _twice(root: Node) -> list[DefinitionProblem]:
    """Return the categories and metrics that a file names twice; glean-parser keeps only the last of them."""
    problems = Problems(Mode.STRICT)
    for name, (_, category) in unique_pairs(root, "", problems).items():
        if isinstance(category.value, Pairs):
            unique_pairs(category, name, problems)
    return [problem for problem in problems.found if problem.detail == TWICE]


def _line(found: Any) -> int:
    line = (found.defined_in or {}).get("line", 0)
    return int(line)


def _metric(found: Any, by_version: bool, file: str) -> GleanMetric:
    default = EVENTS_PING if found.type == EVENT else DEFAULT_PING
    pings = [default if ping == "default" else ping for ping in found.send_in_pings]
    return GleanMetric(
        ".".join(filter(None, (found.category, found.name))),
        _line(found),
        found.type,
        tuple(sorted(pings)),
        str(found.expires),
        by_version and str(found.expires).isdigit(),
        tuple(found.notification_emails),
        tuple(sorted(getattr(found, "ordered_labels", None) or getattr(found, "labels", None) or ())),
        tuple(getattr(found, "extra_keys", None) or ()),
        " ".join(str(found.description).split()),
        file,
        *custom_buckets(found),
    )


def _ping(found: Any) -> GleanPing:
    description = " ".join(str(found.description).split())
    return GleanPing(found.name, _line(found), bool(found.include_client_id), description)
