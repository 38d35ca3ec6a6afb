"""Holds histograms that are stored as they were sent, those of custom pings, against their definitions."""

from collections.abc import Iterator, Mapping
from typing import Any

from telemetry_server.probes.expectation import Expectations
from telemetry_server.probes.fields import shown
from telemetry_server.probes.marks import Mark, MarkName


def is_sent_histogram(value: Any) -> bool:
    """Whether *value* has the form in which clients send a histogram."""
    return isinstance(value, dict) and isinstance(value.get("values"), dict)


def is_sent_keyed(value: Any) -> bool:
    """Whether *value* has the form in which clients send a keyed histogram."""
    return isinstance(value, dict) and bool(value) and all(map(is_sent_histogram, value.values()))


def sent_histogram_marks(
    process: str, plain: Mapping[str, Any], keyed: Mapping[str, Any], expectations: Expectations
) -> Iterator[Mark]:
    """Yield the marks of the *plain* and *keyed* histograms in the section of *process*."""
    flagged = expectations.flagged_histograms(process)
    for histograms, is_keyed in ((plain, False), (keyed, True)):
        for name, value in histograms.items():
            rules = expectations.registry.histogram(name)
            if rules is None:
                yield Mark(MarkName.UNKNOWN_METRIC, f"{shown(name)} is not defined", name, process)
                continue
            for mark, detail in flagged.get(name, ()):
                yield Mark(mark, detail, name, process)
            if rules.keyed != is_keyed:
                detail = f"it is {_form(rules.keyed)}, and was sent {_form(is_keyed)}"
                yield Mark(MarkName.KEYED_MISMATCH, detail, name, process)
                continue
            values = list(value.values()) if is_keyed and isinstance(value, dict) else [value]
            if not all(map(is_sent_histogram, values)):
                yield Mark(MarkName.WRONG_KIND, f"{shown(value)} is not a histogram", name, process)
            elif is_keyed and rules.keys:
                for key in value.keys() - set(rules.keys):
                    detail = f"the key {shown(key)} is not on its list"
                    yield Mark(MarkName.KEY_NOT_ALLOWED, detail, name, process, key)


def _form(is_keyed: bool) -> str:
    return "keyed" if is_keyed else "plain"
