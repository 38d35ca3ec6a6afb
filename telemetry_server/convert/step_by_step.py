"""
Converts submissions step by step: each step for several of them, then the next step.

The outcomes are those of `convert`.  One ping after another would cost more: the texts of a ping displace the
code and the tables of each step from the caches of a core before the next ping needs them.
"""

from collections.abc import Iterable, Iterator

from storage.raw.submission import Submission
from telemetry_server.convert.compiled.compiled_ping import CompiledPing
from telemetry_server.convert.compiled.ping_text import IS_COMPILED, NeedsFullParse
from telemetry_server.convert.conversion import Conversion, ConversionContext
from telemetry_server.convert.ping import FullyParsedPing
from telemetry_server.convert.pipeline import (
    STEPS_ON_PING,
    as_written,
    begin,
    converted,
    run_step,
    stored,
)
from telemetry_server.outcomes.outcome import Outcome, Stored

GROUP_PINGS = 16
GROUP_BYTES = 1 << 20  # of text: it is held twice, and so are the records

Begun = tuple[Submission, Conversion, Outcome | None]


def convert_each(submissions: Iterable[Submission], context: ConversionContext) -> Iterator[Outcome]:
    """Yield the outcome of each of *submissions*, in order; only a failing disk of the resolver raises."""
    group: list[Begun] = []
    size = 0
    for submission in submissions:
        conversion, ended = begin(submission, context)
        group.append((submission, conversion, ended))
        if ended is None:
            size += len(conversion.body_text)
        if len(group) == GROUP_PINGS or size >= GROUP_BYTES:
            yield from _outcomes(group, context)
            group, size = [], 0
    yield from _outcomes(group, context)


def _outcomes(group: list[Begun], context: ConversionContext) -> list[Outcome]:
    walked, parsed = dict[int, Conversion](), dict[int, Conversion]()
    for place, (_, conversion, ended) in enumerate(group):
        if ended is not None:
            continue
        if IS_COMPILED and not conversion.is_parsed_whole:
            walked[place] = conversion.with_parser(CompiledPing)
        else:
            parsed[place] = conversion.with_parser(FullyParsedPing)
    found = _by_steps(parsed)
    # As in `convert_ping`: what the walk does not store is parsed in full.
    found |= {place: each for place, each in _by_steps(walked).items() if isinstance(each, Stored)}
    outcomes = []
    for place, (submission, conversion, ended) in enumerate(group):
        outcome = found.get(place) if ended is None else ended
        if outcome is None:
            outcome = converted(conversion, fully=True)
        outcomes.append(as_written(outcome, submission, context))
    return outcomes


def _by_steps(conversions: dict[int, Conversion]) -> dict[int, Outcome]:
    """Return outcomes by place; those of pings that need a full parse are left out."""
    outcomes: dict[int, Outcome] = {}
    left = list(conversions.items())
    for run in (*(run for _, run in STEPS_ON_PING), stored):
        passed = []
        for place, conversion in left:
            try:
                ended = run_step(run, conversion)
            except NeedsFullParse:
                continue
            if ended is None:
                passed.append((place, conversion))
            else:
                outcomes[place] = ended
        left = passed
    return outcomes
