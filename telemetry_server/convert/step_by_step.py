"""
Converts submissions step by step: each step for several of them, then the next step.

The outcomes are those of `convert`.  One ping after another would cost more: the texts of a ping displace the
code and the tables of each step from the caches of a core before the next ping needs them.
"""

from collections.abc import Iterable, Iterator

from storage.raw.submission import Submission
from telemetry_server.convert.compiled.ping_text import NeedsFullParse
from telemetry_server.convert.conversion import Conversion, ConversionContext
from telemetry_server.convert.ping import FullyParsedPing, first_parser
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
GROUP_BYTES = 1 << 20  # of inflated text, which bounds what a group holds in memory

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
    for index, (_, conversion, ended) in enumerate(group):
        if ended is not None:
            continue
        parse = first_parser(fully=conversion.is_parsed_whole)
        (parsed if parse is FullyParsedPing else walked)[index] = conversion.with_parser(parse)
    found = _by_steps(parsed)
    # As in `convert_ping`: what the walk does not store is parsed in full.
    found |= {index: each for index, each in _by_steps(walked).items() if isinstance(each, Stored)}
    outcomes = []
    for index, (submission, conversion, ended) in enumerate(group):
        outcome = found.get(index) if ended is None else ended
        if outcome is None:
            outcome = converted(conversion, fully=True)
        outcomes.append(as_written(outcome, submission, context))
    return outcomes


def _by_steps(conversions: dict[int, Conversion]) -> dict[int, Outcome]:
    """Return outcomes by index; those of pings that need a full parse are left out."""
    outcomes: dict[int, Outcome] = {}
    left = list(conversions.items())
    for run in (*(run for _, run in STEPS_ON_PING), stored):
        passed = []
        for index, conversion in left:
            try:
                ended = run_step(run, conversion)
            except NeedsFullParse:
                continue
            if ended is None:
                passed.append((index, conversion))
            else:
                outcomes[index] = ended
        left = passed
    return outcomes
