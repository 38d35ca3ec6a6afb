"""Reading definition files: the rules of both modes, and files of real revisions."""

import pytest

from histogram_specs.use_counters import parse_use_counters
from telemetry_server.probes.errors import NotADefinitionFile
from telemetry_server.probes.event_file import parse_events
from telemetry_server.probes.fields import Mode
from telemetry_server.probes.histogram_file import problems_of
from telemetry_server.probes.process_file import parse_processes
from telemetry_server.probes.scalar_file import parse_scalars
from telemetry_server.probes.yaml_file import MAX_DEPTH, read_yaml
from tests.histogram_specs.samples import text_of
from tests.probes.samples import SCALARS
from tests.support.shared_data import shared_data

PROBE = """\
garden.weather:
  {name}:
    bug_numbers: {bugs}
    description: A probe.
    expires: {expires}
    kind: uint
    notification_emails: [gardeners@example.org]
    products: [firefox]
    record_in_processes: [main]
{more}"""


def a_probe(name="rain", bugs="[1]", expires="'71'", more="") -> bytes:
    """A Scalars.yaml of one probe, which is right but for what is given."""
    return PROBE.format(name=name, bugs=bugs, expires=expires, more=more).encode()


def test_a_garden_needs_products_in_strict_mode_only():
    """Files of 2019 have no products: each probe of them is one error for who writes definitions today."""
    assert parse_scalars(SCALARS).problems == ()
    problems = parse_scalars(SCALARS, Mode.STRICT).problems

    assert len(problems) == len(parse_scalars(SCALARS).scalars)
    assert {problem.detail for problem in problems} == {"the field products is missing"}


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "a number that is not in quotes": (a_probe(expires="71"), "expires is 71, not text"),
        "keys of a plain probe": (a_probe(more="    keys: [a]\n"), "it has keys and is not keyed"),
        "no store": (a_probe(more="    record_into_store: []\n"), "record_into_store is an empty list"),
        "a misspelled field": (a_probe(more="    storees: [a]\n"), "the field 'storees' is not known"),
        "a name that begins with a digit": (a_probe("2fast"), "'2fast' is not the name of a probe"),
        "a name that ends with _": (a_probe("slow_"), "'slow_' is not the name of a probe"),
        "a truth value for a number": (
            a_probe(bugs="[true]"),
            "bug_numbers has True, which is not a whole number",
        ),
        "a name that YAML reads as true": (a_probe("on"), "the name True is not text in YAML"),
        "a name that YAML reads as null": (a_probe("null"), "the name 'null' is not text in YAML"),
        "a time that YAML reads as a number": (a_probe(expires="12:30"), "is a int in YAML"),
        "an octal number": (a_probe(expires="012"), "is a int in YAML"),
        "an expiry that is too long": (a_probe(expires="'4000000'"), "neither 'never' nor a version"),
        "an expiry in capitals": (a_probe(expires="'Never'"), "neither 'never' nor a version"),
        "digits of another script": (a_probe(expires="'\uff17\uff11'"), "neither 'never' nor a version"),
    }.values(),
)
def test_a_definition_with_an_error_is_left_out_with_its_line(text, expected, mode):
    """The message names the line and the probe."""
    found = parse_scalars(text, mode)

    (problem,) = found.problems
    assert expected in problem.detail
    assert problem.line > 1
    assert not found.scalars


def test_a_category_has_a_limit_of_40_characters():
    """41 are an error of the whole category."""
    text = a_probe().replace(b"garden.weather", b"g" * 41)

    (problem,) = parse_scalars(text).problems
    assert "has 41 characters" in problem.detail


@pytest.mark.parametrize("expires", ["'60a1'", "'71.0'", "'71.5'", "'30.5a1'", "'default'"])
def test_old_forms_of_an_expiry_are_read_in_historical_mode_only(expires):
    """They stand in files of clients that are in use."""
    assert parse_scalars(a_probe(expires=expires)).scalars
    assert parse_scalars(a_probe(expires=expires), Mode.STRICT).problems


def test_the_last_of_two_probes_of_one_name_counts_in_historical_mode():
    """In strict mode it is an error."""
    twice = (
        a_probe() + PROBE.partition("\n")[2].format(name="rain", bugs="[2]", expires="'80'", more="").encode()
    )

    found = parse_scalars(twice)
    assert found.scalars["garden.weather.rain"].expires == "80"
    assert [problem.is_warning for problem in found.problems] == [True]
    assert [problem.is_warning for problem in parse_scalars(twice, Mode.STRICT).problems] == [False]


def test_an_event_has_no_store():
    """Stores are for scalars and histograms."""
    text = b"""
ui:
  click:
    objects: [button]
    bug_numbers: [1]
    notification_emails: [gardeners@example.org]
    description: A click.
    expiry_version: never
    record_in_processes: [main]
    record_into_store: [main]
"""
    (problem,) = parse_events(text).problems
    assert problem.detail == "the field 'record_into_store' is not known"


def test_an_empty_store_of_a_histogram_is_an_error_in_strict_mode_only():
    """In historical mode the histogram is of no store."""
    text = text_of(A={"kind": "flag", "record_into_store": []})

    assert "record_into_store is an empty list" in {each.detail for each in problems_of(text, Mode.STRICT)}
    assert problems_of(text, Mode.HISTORICAL) == []


def test_a_histogram_that_stands_twice_is_an_error_in_strict_mode():
    """A plain JSON reader would not see it."""
    text = b'{"A": {"kind": "flag"}, "A": {"kind": "count"}}'

    assert "it is defined twice" in {problem.detail for problem in problems_of(text, Mode.STRICT)}


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b"{a: " * 100_000,
        b"- " * (MAX_DEPTH + 2) + b"x",
        b"a: &a [x, x, x, x, x, x, x, x, x]\n"
        + b"".join(b"%c: &%c [%b]\n" % (n + 1, n + 1, b", ".join([b"*%c" % n] * 9)) for n in range(97, 110)),
        b"a: " + b"x" * 5_000_000,
        b"a: *b",
        b"a: 1\n---\nb: 2\n",
        b"a: !!python/object/apply:os.system [ls]",
        b"\xff\xfe\x00",
        b"a: \x00",
        b"just text",
        b"- a\n- b",
    ],
)
def test_what_is_no_definition_file_is_one_line(text):
    """Depth, aliases and size are bounded before anything is built."""
    try:
        found = parse_scalars(text)
    except NotADefinitionFile as error:
        assert str(error).isprintable()
    else:
        assert not found.scalars
        assert all(problem.detail.isprintable() for problem in found.problems)


def test_an_alias_repeats_what_its_anchor_names():
    """Some files share lists of addresses so."""
    assert read_yaml(b"a: &x [1, 2]\nb: *x").plain == {"a": [1, 2], "b": [1, 2]}


def test_use_counters_have_the_names_of_the_generator():
    """A method and a property give two names, an attribute four; the operation keeps its case."""
    text = b"// list\nmethod A.b\nattribute C.d\nproperty BackColor\nmethod nothing\ncustom DoIt does it\n"
    counters, problems = parse_use_counters(("a", text), ("b", b"DEPRECATED_OPERATION(GetIt)\n"))

    assert [name.removeprefix("USE_COUNTER2_") for name in counters if name.endswith("_PAGE")] == [
        "A_B_PAGE",
        "C_D_getter_PAGE",
        "C_D_setter_PAGE",
        "PROPERTY_BACKCOLOR_PAGE",
        "DOIT_PAGE",
        "DEPRECATED_GetIt_PAGE",
    ]
    assert len(counters) == 12
    assert [problem.line for problem in problems] == [5]
    assert counters.find("USE_COUNTER2_A_B_PAGE").bucket_starts == (0, 1, 2)
    assert counters.place_of("USE_COUNTER2_DEPRECATED_GetIt_PAGE") == ("b", 1)


@pytest.mark.parametrize(
    ("file", "scalars", "categories"),
    [
        ("gecko-56.0a1-33ce52b7c7ea/Scalars.yaml", 46, 16),
        ("python_moztelemetry-f579e95fd985/Scalars.yaml", 27, None),
        ("telemetry-batch-view-d78f3bba1daf/Scalars.yaml", 24, None),
        ("telemetry-batch-view-d78f3bba1daf/ScalarsFromSimpleMeasures.yaml", 2, None),
        ("telemetry-batch-view-d78f3bba1daf/addon-Scalars.yaml", 1, None),
        ("probe-scraper-1125ebb33e40/test_scalars.yaml", 17, None),
    ],
)
def test_real_scalars_are_all_read(file, scalars, categories):
    """Real files of several years, in historical mode."""
    found = parse_scalars(shared_data("probes", *file.split("/")).read_bytes())

    assert found.problems == ()
    assert len(found.scalars) == scalars
    if categories is not None:
        assert len({name.rpartition(".")[0] for name in found.scalars}) == categories
        kinds = [scalar.kind for scalar in found.scalars.values()]
        assert [kinds.count(kind) for kind in ("uint", "string", "boolean")] == [38, 4, 4]
        assert sum(scalar.keyed for scalar in found.scalars.values()) == 13


def test_real_events_and_processes_are_all_read():
    """Ten definitions in three categories; four processes."""
    folder = shared_data("probes", "gecko-56.0a1-33ce52b7c7ea")
    found = parse_events((folder / "Events.yaml").read_bytes())

    assert found.problems == ()
    assert len(found.events) == 10
    assert len({event.category for event in found.events.values()}) == 3
    assert parse_processes((folder / "Processes.yaml").read_bytes()) == (
        "parent",
        "content",
        "extension",
        "gpu",
    )


def test_real_histograms_are_all_read():
    """Each has its processes; 255 are opt-out, 126 keyed."""
    from histogram_specs.spec_file import parse_spec_file
    from telemetry_server.probes.histogram_file import histogram_rules

    text = shared_data("probes", "gecko-56.0a1-33ce52b7c7ea", "Histograms.json").read_bytes()
    rules = histogram_rules(parse_spec_file(text)).values()

    assert len(rules) == 1557
    assert all(rule.processes for rule in rules)
    assert sum(rule.keyed for rule in rules) == 126
    assert sum(not rule.is_opt_in for rule in rules) == 255
