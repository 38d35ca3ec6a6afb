"""The docs name all that there is, and what they name is there."""

import re
from pathlib import Path

import pytest

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.main import COMMANDS
from telemetry_server.observability.metrics import CATALOGUE
from telemetry_server.outcomes.outcome import HistogramReason, QuarantineReason
from telemetry_server.settings.settings import SETTING_NAMES

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
COMMAND_WORDS = [command for command, _ in COMMANDS]


def page(name: str) -> str:
    """The text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def first_cells(text: str) -> list[str]:
    """What stands in backticks at the start of each table row."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def fenced(text: str) -> list[str]:
    """The lines of all shell examples, continued lines joined."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def test_every_setting_has_its_row_and_no_other_has_one():
    """In docs/settings.md."""
    assert sorted(first_cells(page("docs/settings.md"))) == sorted(SETTING_NAMES)


def test_every_metric_has_its_row_with_its_labels():
    """In docs/metrics.md."""
    text = page("docs/metrics.md")
    for metric in CATALOGUE:
        (row,) = re.findall(rf"^\| `{metric.name}` .*$", text, re.MULTILINE)

        assert f"| {metric.kind} |" in row
        assert all(f"`{label}`" in row for label in metric.labels)
        assert metric.help_text in row


def test_the_metrics_that_the_docs_name_exist():
    """So that an alert copied from there can fire."""
    known = {metric.name for metric in CATALOGUE}
    for text_page in PAGES:
        for name in re.findall(r"\btelemetry_[a-z_]+", text_page.read_text(encoding="utf-8")):
            if name not in ("telemetry_server", "telemetry_schema"):
                assert re.sub(r"_(bucket|sum|count)$", "", name) in known, f"{text_page.name}: {name}"


def test_every_command_has_its_row():
    """In docs/commands.md."""
    named = {cell.split()[0] for cell in first_cells(page("docs/commands.md")) if not cell.isdigit()}

    assert named == set(COMMAND_WORDS)


def test_every_exit_status_has_its_row():
    """In docs/commands.md."""
    rows = re.findall(r"^\| (\d+) \|", page("docs/commands.md"), re.MULTILINE)

    assert [int(number) for number in rows] == [status.value for status in ExitStatus]


@pytest.mark.parametrize("reasons", [QuarantineReason, HistogramReason])
def test_every_reason_has_its_row(reasons):
    """In docs/operating.md."""
    cells = first_cells(page("docs/operating.md"))

    assert [cell for cell in cells if cell in set(reasons)] == [reason.value for reason in reasons]


@pytest.mark.parametrize("text_page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(text_page):
    """Within the checkout."""
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text_page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (text_page.parent / target).exists(), target


@pytest.mark.parametrize("text_page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_of_a_page_exist(text_page):
    """Every `telemetry-server x` and every `make x` in an example."""
    targets = re.findall(r"^([a-z]+):", page("Makefile"), re.MULTILINE)
    for line in fenced(text_page.read_text(encoding="utf-8")):
        words = line.split()
        if words and words[0].rsplit("/", 1)[-1] == "telemetry-server":
            assert words[1] in COMMAND_WORDS, line
        if words and words[0] == "make":
            assert words[1] in targets, line


def test_every_decision_is_in_the_index():
    """docs/decisions/README.md names each page."""
    index = page("docs/decisions/README.md")
    for decision in (ROOT / "docs/decisions").glob("[0-9]*.md"):
        assert decision.name in index


def test_no_page_names_a_place_on_somebodys_machine():
    """What is written here is for everybody."""
    for text_page in PAGES:
        assert not re.search(r"(?<![\w.])/(work|root|home)/", text_page.read_text(encoding="utf-8")), (
            text_page
        )
