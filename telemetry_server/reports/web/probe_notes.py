"""Sentences of a probe's page: why there is nothing, and what is not in its numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from telemetry_server.reports.web.filter_form import WORDS
from telemetry_server.reports.web.probe_question import ProbeView, answer_of
from telemetry_server.reports.web.templates import moment, number, plain_text

FILTERS = (
    "label",
    "process",
    "architecture",
    "os_version",
    "os",
    "version",
    "channel",
    "application",
    "doctype",
)
MAX_VERSIONS = 20
Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """Where to go on."""

    words: str
    address: str


@dataclass(frozen=True, slots=True)
class Empty:
    """Why there is nothing to show, and what leads to data."""

    sentence: str
    links: Sequence[Link] = ()


async def why_empty(view: ProbeView, answer: Found, offered: Found) -> Empty:
    """Return why a view has no data."""
    given = view.given
    reason = answer.get("reason")
    everything = Link("Show all of this probe", view.path)
    if reason == "suppressed" or (reason is None and answer["suppressed"]["cells"]):
        return Empty(_suppressed(answer, offered["suppress_below"]), [everything])
    if reason == "not_aggregated_yet":
        after = f" ({moment(answer['as_of'])})" if answer["as_of"] else ""
        return Empty(
            f"Pings arrived after the last update{after}. They are counted within 60 s.",
            [Link("Load again", view.with_())],
        )
    if answer.get("only_marked"):
        return Empty(
            f"Pings have sent {plain_text(view.name)} only with values that break its definition."
            " Those do not count.",
            [Link("What breaks it", f"/drift?{urlencode({'q': view.name})}")],
        )
    if reason == "not_sent_by_this_version" and given.version:
        return _not_sent(view, offered)
    if given.experiment:
        which = f" in the branch {plain_text(given.at)}" if given.at else ""
        return Empty(
            f"No ping of the experiment {plain_text(given.experiment)}{which} has sent it.",
            [Link("Show it without the experiment", view.with_(experiment=None, at=None, compare=None))],
        )
    if given.at and answer["rows"]:
        return Empty(
            f"No data of the {given.by} {given.at}.", [Link(f"Show all {given.by}s", view.with_(at=None))]
        )
    found = await _without_a_filter(view)
    if found is not None:
        return found
    if any(answer.get("left_out", {}).values()):
        return Empty(f"All pings that have sent {plain_text(view.name)} are left out.")
    return Empty(f"No ping has sent {plain_text(view.name)}.")


def _not_sent(view: ProbeView, offered: Found) -> Empty:
    given = view.given
    versions = sorted(
        (each["value"] for each in offered["values"].get("version", ())),
        key=lambda each: (int(each) if each.isascii() and each.isdigit() else 0, each),
    )
    on = f" on {plain_text(given.channel)}" if given.channel else ""
    sentence = f"Version {plain_text(given.version)}{on} has not sent {plain_text(view.name)}."
    if not versions:
        return Empty(f"{sentence} No version has.")
    shown = versions[-MAX_VERSIONS:]
    links = [Link(plain_text(each), view.with_(version=each, at=None)) for each in shown]
    return Empty(f"{sentence} Versions that have:", links)


async def _without_a_filter(view: ProbeView) -> Empty | None:
    """Return which filter alone leaves nothing."""
    given = view.given
    more = {"total": True, "weight": "samples"}
    for name in FILTERS:
        if not (value := getattr(given, name)):
            continue
        found = await answer_of(view, **{**more, name: None if name == "label" else ""})
        if found["rows"]:
            samples = number(found["rows"][0]["samples"])
            sentence = (
                f"No data for these filters. Without “{WORDS[name]}: {plain_text(value)}”"
                f" there are {samples} samples."
            )
            return Empty(sentence, [Link("Remove that filter", view.with_(**{name: None}, at=None))])
    if given.first or given.last:
        found = await answer_of(view, **more, first=None, last=None)
        if found["rows"]:
            samples = number(found["rows"][0]["samples"])
            return Empty(
                f"No data for these filters. Of all {given.by}s there are {samples} samples.",
                [Link(f"Show all {given.by}s", view.with_(first=None, last=None, at=None))],
            )
    if given.as_of:
        found = await answer_of(view, **more, as_of=None)
        if found["rows"]:
            samples = number(found["rows"][0]["samples"])
            return Empty(
                f"No data until the end of {given.as_of}. Today there are {samples} samples.",
                [Link("Show the answer of today", view.with_(as_of=None))],
            )
    if len(view.with_()) > len(view.path):
        return Empty("No data for these filters.", [Link("Remove all filters", view.path)])
    return None


def _suppressed(answer: Found, least: int) -> str:
    cells, samples = answer["suppressed"]["cells"], answer["suppressed"].get("samples", 0)
    groups = "group" if cells == 1 else "groups"
    verb = "is" if cells == 1 else "are"
    return (
        f"{cells:,} {groups} with fewer than {least:,} clients ({number(samples)} samples) {verb} not shown."
    )


def _since(day: str, since: Mapping[str, int | None]) -> str:
    """Return why the answer of an earlier day differs from that of today."""
    words = {
        "late": "of this question came later",
        "added": "of the days until then were stored later",
        "deleted": "of those days were deleted",
    }
    known = [
        f"{count:,} {'ping' if count == 1 else 'pings'} {text}"
        for name, text in words.items()
        if (count := since[name]) is not None
    ]
    unknown = [text for name, text in words.items() if since[name] is None]
    parts = [f"As of the end of {day}."]
    parts += [f"Since then {', '.join(known)}."] if known else []
    parts += [f"It is not known how many pings {' and '.join(unknown)}."] if unknown else []
    return " ".join(parts)


def notes_of(view: ProbeView, answer: Found, offered: Found) -> list[tuple[str, Link | None]]:
    """Return what is not in the numbers of a view, each with a link that shows it where there is one."""
    notes: list[tuple[str, Link | None]] = []
    if view.given.as_of and "since" in answer:
        today = Link("Show the answer of today", view.with_(as_of=None))
        notes.append((_since(view.given.as_of, answer["since"]), today))
    if answer["rows"] and answer["suppressed"]["cells"]:
        notes.append((_suppressed(answer, offered["suppress_below"]), None))
    if offered["hidden"]:
        hidden, least = offered["hidden"], offered["suppress_below"]
        notes.append(
            (f"{hidden:,} values to filter by have fewer than {least:,} clients, and are not listed.", None)
        )
    left_out = answer.get("left_out", {})
    words = {
        "automation": "from automation",
        "implausible_build": "of builds dated more than a year before the ping, or more than 3 days after it",
    }
    parts = [
        f"{count:,} {'ping' if count == 1 else 'pings'} {text}"
        for name, text in words.items()
        if (count := left_out.get(name))
    ]
    if parts:
        notes.append((f"Left out: {', '.join(parts)}.", None))
    if others := answer.get("other_shapes"):
        samples = sum(each["samples"] for each in others)
        link = None if view.given.merge else Link("Add what can be added", view.with_(merge="coarsen"))
        text = "Earlier definitions have" if not view.given.merge else "Earlier definitions had"
        notes.append((f"{text} {number(samples)} more samples, in other buckets.", link))
    return notes
