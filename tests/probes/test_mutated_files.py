"""Definition files with something wrong at any place: a clear line or a result, never a traceback."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from histogram_specs.errors import NotASpecFile
from histogram_specs.spec_file import parse_spec_file
from histogram_specs.use_counters import parse_use_counters
from telemetry_server.probes.errors import BadStoresFile, NotADefinitionFile
from telemetry_server.probes.event_file import parse_events
from telemetry_server.probes.fields import Mode
from telemetry_server.probes.glean_cache import CACHE_NAME, cache_text, read_cache
from telemetry_server.probes.glean_file import parse_glean
from telemetry_server.probes.glean_registry import digest_of
from telemetry_server.probes.histogram_file import histogram_rules, problems_of
from telemetry_server.probes.process_file import parse_processes
from telemetry_server.probes.scalar_file import parse_scalars
from telemetry_server.probes.stores import parse_stores
from tests.histogram_specs.samples import text_of
from tests.probes.glean_samples import METRICS, PINGS
from tests.probes.samples import SCALARS, STORES

EVENTS = b"""
ui:
  click:
    methods: [down, up]
    objects: [button, link]
    bug_numbers: [1]
    notification_emails: [gardeners@example.org]
    description: A click.
    expiry_version: never
    record_in_processes: [main]
    extra_keys: {key: A key.}
"""
FILES = {
    "scalars": SCALARS,
    "events": EVENTS,
    "processes": b"parent:\n  gecko_enum: x\ncontent:\n  gecko_enum: y\n",
    "histograms": text_of(
        A={"kind": "flag", "keys": ["a"], "keyed": True}, B={"kind": "linear", "high": 9, "n_buckets": 4}
    ),
    "usecounters": b"method A.b\nattribute C.d\nproperty Fill\n",
    "stores": STORES,
    "glean metrics": METRICS,
    "glean pings": PINGS,
}
SCRAPS = [
    *(
        b"on",
        b"null",
        b"012",
        b"12:30",
        b"2014-01-28",
        b"1.5",
        b"[]",
        b"{}",
        b"[[[[",
        b"&a",
        b"*a",
        b"<<",
        b"? ",
    ),
    *(
        b"\t",
        b"\n",
        b"---\n",
        b": ",
        b"- ",
        b"'",
        b'"',
        b"|",
        b">",
        b"#",
        b"%",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"!!x ",
    ),
    *(b"true", b"-1", b"99999999999999999999", b"x" * 80, b"all_childs", "ü".encode(), b"  ", b"name:"),
]


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file with up to four cuts, repeats and scraps."""
    kind = draw(st.sampled_from(sorted(FILES)))
    text = FILES[kind]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        put = draw(st.sampled_from([*SCRAPS, text[start:end] * 2]) | st.binary(max_size=12))
        text = text[:start] + put + text[end:]
    return kind, text


def read(kind: str, text: bytes) -> None:
    """Read *text* in every way that the server does."""
    for mode in Mode:
        if kind == "scalars":
            problems = parse_scalars(text, mode).problems
        elif kind == "events":
            problems = parse_events(text, mode).problems
        elif kind == "histograms":
            problems = tuple(problems_of(text, mode))
            histogram_rules(parse_spec_file(text))
        else:
            problems = ()
        for problem in problems:
            assert "\n" not in str(problem)
            assert problem.line >= 1
    if kind == "processes":
        parse_processes(text)
    elif kind == "usecounters":
        for problem in parse_use_counters(("a", text), ("b", text))[1]:
            assert "\n" not in problem.detail
    elif kind == "stores":
        parse_stores(text)
    elif kind.startswith("glean"):
        read_glean(text)


def read_glean(text: bytes) -> None:
    """Read *text* as a file of Glean definitions, and the parsed copy of what it defines."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "metrics.yaml"
        path.write_bytes(text)
        found = parse_glean([path])
        for problem in found.problems:
            assert problem
            assert "\n" not in problem
        (Path(folder) / CACHE_NAME).write_bytes(cache_text(found, digest_of([path])))
        copy = read_cache(Path(folder) / CACHE_NAME, digest_of([path]))
    assert copy is not None
    assert (copy.metrics, copy.pings) == (found.metrics, found.pings)


def check(file: tuple[str, bytes]) -> None:
    try:
        read(*file)
    except (NotADefinitionFile, NotASpecFile, BadStoresFile) as error:
        assert str(error)
        assert "\n" not in str(error)


def test_a_glean_metric_that_the_library_refuses_is_left_out_with_a_problem(tmp_path):
    """Labels belong to labelled types."""
    path = tmp_path / "metrics.yaml"
    path.write_text(
        "$schema: moz://mozilla.org/schemas/glean/metrics/2-0-0\n"
        "garden: {season: {type: string, labels: [rake, hoe], description: The season, expires: never,\n"
        "  bugs: [https://example.org/1], data_reviews: [https://example.org/2],\n"
        "  notification_emails: [gardeners@example.org], send_in_pings: [baseline]}}\n"
    )

    found = parse_glean([path])

    assert found.metrics == {}
    assert "'labels'" in found.problems[0]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(file=mutated())
def test_a_mutated_file_is_read_or_refused_in_one_line(file):
    """A hundred files in every run."""
    check(file)


@pytest.mark.slow
@settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(file=mutated())
def test_two_thousand_mutated_files_are_read_or_refused_in_one_line(file):
    """The same, 2,000 times."""
    check(file)
