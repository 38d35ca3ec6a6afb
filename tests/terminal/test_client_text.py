"""Control characters never reach a terminal; values in JSON do not change."""

import ast
import json
from pathlib import Path

import pytest

from telemetry_server.terminal.client_text import MAX_SHOWN_CHARACTERS, shown, shown_json, shown_lines

CLI = Path(__file__).resolve().parents[1] / "telemetry_server/cli"
# Commands with other output: JSON lines, generated pings, configuration files, help.
MAY_WRITE = {"output.py", "main.py", "cat.py", "tail.py", "generate.py", "point.py"}

RENDERED = {
    "plain": ("GC_MS", "GC_MS"),
    "letters of any script": ("Größe Ωmega 語 \N{SNOWMAN}", "Größe Ωmega 語 \N{SNOWMAN}"),
    "C0": ("a\x1b[31m\x00\x07", r"a\x1b[31m\x00\x07"),
    "line breaks": ("a\r\nb\tc\x0b\x0c", r"a\r\nb\tc\x0b\x0c"),
    "DEL": ("a\x7f", r"a\x7f"),
    "C1": ("\x9b31m\x85\x9d", r"\x9b31m\x85\x9d"),
    "bidirectional controls": ("\u202eabc\u2066\u200f\u061c", r"\u202eabc\u2066\u200f\u061c"),
    "separators": ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
    "spaces that are none": ("a\u00a0b\u3000c\u200b", r"a\xa0b\u3000c\u200b"),
    "a lone surrogate": ("a\ud83d", r"a\ud83d"),
    "tags past the first plane": ("a\U000e0041", r"a\U000e0041"),
    "as long as may be": ("x" * MAX_SHOWN_CHARACTERS, "x" * MAX_SHOWN_CHARACTERS),
    "overlong": ("x" * (MAX_SHOWN_CHARACTERS + 1), "x" * MAX_SHOWN_CHARACTERS + "…"),
}


@pytest.mark.parametrize(("text", "rendered"), RENDERED.values(), ids=RENDERED.keys())
def test_client_text_is_one_line_of_printable_characters(text, rendered):
    assert shown(text) == rendered
    assert shown(text).isprintable()


def test_a_message_keeps_its_lines():
    assert shown_lines("one\ntwo\x1b[0m\n") == "one\ntwo\\x1b[0m\n"


@pytest.mark.parametrize("text", [text for text, _ in RENDERED.values() if "\ud83d" not in text])
def test_safe_json_has_the_same_values(text):
    """It uses only escapes of JSON."""
    value = {text: [text, {"nested": text}]}

    for written in (json.dumps(value, ensure_ascii=False), json.dumps(value, ensure_ascii=False, indent=1)):
        safe = shown_json(written.encode()).decode()

        assert safe.replace("\n", "").isprintable()
        assert json.loads(safe) == value


def test_json_without_unusual_characters_is_not_changed():
    text = b'{"a": "plain \\u202e"}\n'

    assert shown_json(text) is text


def test_a_json_line_keeps_the_tab_after_its_id():
    assert shown_json(b'id\t{"a":"\x7f"}\n') == b'id\t{"a":"\\u007f"}\n'


def test_commands_print_only_with_functions_that_make_text_safe():
    """A `print` in a command would bypass them."""
    ways_around = [
        f"{path.name}:{node.lineno}"
        for path in sorted(CLI.glob("*.py"))
        if path.name not in MAY_WRITE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write")
    ]

    assert not ways_around
