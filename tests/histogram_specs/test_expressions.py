"""Expressions for numbers in spec files."""

import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from histogram_specs.errors import BadConstants, BadExpression
from histogram_specs.expressions import CONSTANTS, MAX_MEANINGS, evaluate, meanings, read_constants


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10000", 10000),
        (" 32 * 1024 ", 32768),
        ("16 * 1024 * 1024", 16777216),
        ("80 + 1", 81),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("7 / 2", 3),
        ("10 - 4 - 3", 3),
        ("-5 + 6", 1),
        ("010", 10),
    ],
)
def test_expressions_are_evaluated(text, value):
    """Those in the files of Firefox 23 to 25, and similar ones."""
    assert evaluate(text, {}) == value


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("js::gcreason::NUM_TELEMETRY_REASONS", [100]),
        ("JS::gcreason::NUM_TELEMETRY_REASONS", [100]),
        ("JS::GCReason::NUM_TELEMETRY_REASONS + 1", [101]),
        ("mozilla::StartupTimeline::MAX_EVENT_ID", [11, 14, 16]),
        ("2 * mozilla::StartupTimeline::MAX_EVENT_ID - mozilla::StartupTimeline::MAX_EVENT_ID", [11, 14, 16]),
        ("80 + 1", [81]),
    ],
)
def test_a_constant_has_the_values_of_all_releases(text, values):
    """Within one expression it always has the same value."""
    assert [evaluate(text, meaning) for meaning in meanings([text])] == values


def test_names_in_several_fields_are_combined():
    """Every value of one with every value of the other, up to a limit."""
    constants = {"A": (1, 2), "B": (3, 4), "C": tuple(range(MAX_MEANINGS)), "D": (5,)}

    found = [(meaning["A"], meaning["B"]) for meaning in meanings(["A + B", "A", "UNKNOWN"], constants)]
    assert found == [(1, 3), (1, 4), (2, 3), (2, 4)]
    with pytest.raises(BadExpression, match="32 meanings"):
        list(meanings(["A", "C"], constants))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1 +",
        "(1",
        "1)",
        "1 2",
        "1.5",
        "1e4",
        "2 ** 100",
        "1 // 2",
        "1 / 0",
        "0x10",
        "NO_SUCH_CONSTANT",
        "__import__('os')",
        "open",
        "a.b",
        "²",
        "٣",
        "1\n+1",
        "(" * 50 + "1" + ")" * 50,
        "-" * 150 + "1",
        "9" * 150,
        "9223372036854775807 + 1",
        "+".join("1" * 150),
    ],
)
def test_anything_else_is_refused_in_one_line(text):
    """Nothing is executed as code, and every input is handled quickly."""
    with pytest.raises(BadExpression) as raised:
        evaluate(text, next(iter(meanings([text]))))

    assert "\n" not in str(raised.value)


@given(st.text(max_size=250))
@example("1" * 300)
def test_any_text_gives_an_integer_or_a_refusal(text):
    """Other exceptions do not occur."""
    with suppress(BadExpression):
        assert all(isinstance(evaluate(text, meaning), int) for meaning in meanings([text]))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.lists(st.sampled_from("+-*"), min_size=7))
def test_expressions_follow_the_rules_of_python(numbers, operators):
    """The original tool used Python."""
    text = str(numbers[0])
    for operator, number in zip(operators, numbers[1:], strict=False):
        text += f" {operator} {number}"

    assert evaluate(text, {}) == eval(text)


def test_constants_from_a_file_override_the_built_in_ones(tmp_path):
    """Other built-in constants are kept."""
    path = tmp_path / "constants.json"
    path.write_text(json.dumps({"JS::gcreason::NUM_TELEMETRY_REASONS": [100, 120], "MINE": 7}))

    assert read_constants(path) == {
        **CONSTANTS,
        "JS::gcreason::NUM_TELEMETRY_REASONS": (100, 120),
        "MINE": (7,),
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"A": "1"}',
        '{"A": true}',
        '{"A": 1.5}',
        '{"A": []}',
        '{"A": [1, "2"]}',
        f'{{"A": {[1] * 17}}}',
    ],
)
def test_an_invalid_file_of_constants_is_refused(tmp_path, text):
    """The error names the file."""
    path = tmp_path / "constants.json"
    path.write_text(text)

    with pytest.raises(BadConstants, match=r"constants\.json"):
        read_constants(path)
