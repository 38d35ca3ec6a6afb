"""``specs`` for definitions that are not histograms, as a person or a script uses it."""

import json

import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.revision import parse_revision_url
from storage.data_root import DataRoot
from storage.disk import Disk
from tests.histogram_specs.samples import a_text
from tests.probes.samples import SCALARS

URL = "https://hg.mozilla.org/releases/mozilla-release/rev/a55c55edf302"
EVENTS = b"""
ui:
  click:
    methods: [down, up]
    objects: [button]
    bug_numbers: [1]
    notification_emails: [gardeners@example.org]
    description: A click.
    expiry_version: never
    record_in_processes: [main]
"""
METRICS = b"""
$schema: moz://mozilla.org/schemas/glean/metrics/2-0-0
garden:
  visits:
    type: counter
    description: Visits.
    bugs: [https://example.org/1]
    data_reviews: [https://example.org/2]
    notification_emails: [gardeners@example.org]
    expires: %b
"""


@pytest.fixture
def root(tmp_path):
    """A data root with one revision that has all files, and the same files beside it."""
    companions = {"Scalars.yaml": SCALARS, "Events.yaml": EVENTS, "UseCounters.conf": b"attribute C.d\n"}
    RevisionCache(tmp_path / "specs").store(parse_revision_url(URL), a_text(), companions)
    for name, text in companions.items():
        (tmp_path / name).write_bytes(text)
    return tmp_path


def names(printed: tuple[str, str]) -> list[tuple[str, str, bool]]:
    return [(entry["name"], entry["kind"], entry["keyed"]) for entry in json.loads(printed[0])]


@pytest.mark.parametrize(
    ("kind", "file", "expected"),
    [
        ("scalar", "Scalars.yaml", ("garden.weather.by_tool", "uint", True)),
        ("event", "Events.yaml", ("ui.click", "event", False)),
        ("usecounter", "UseCounters.conf", ("USE_COUNTER2_C_D_getter_PAGE", "boolean", False)),
    ],
)
def test_a_kind_is_shown_by_revision_and_by_file(root, command, kind, file, expected):
    """With --kind, or by the name of the file; a person gets a table."""
    data = ("--data", str(root))

    by_revision = names(command("specs", "show", "--kind", kind, "--revision", URL, "--json", *data))
    assert by_revision == names(command("specs", "show", "--file", str(root / file), "--json", *data))
    assert expected in by_revision
    assert expected[0] in command("specs", "show", "--kind", kind, *data)[0]
    assert expected[0] in command("specs", "show", expected[0], "--kind", kind, *data)[0]
    command("specs", "show", "nothing", "--kind", kind, *data, status=1)


def test_strict_mode_finds_what_todays_rules_forbid(root, command):
    """The file is of 2019: its probes have no products."""
    file = ("--file", str(root / "Scalars.yaml"), "--data", str(root))

    command("specs", "show", *file)
    assert "the field products is missing" in command("specs", "show", "--strict", *file, status=1)[1]


def test_two_files_are_compared_by_their_definitions(root, command):
    """Added, removed, and changed field by field; a line number is not a change."""
    new = root / "new-Scalars.yaml"
    new.write_bytes(b"\n" + SCALARS.replace(b"expires: '71'", b"expires: '80'").replace(b"note:", b"remark:"))
    arguments = ("specs", "diff", str(root / "Scalars.yaml"), str(new), "--data", str(root))

    difference = json.loads(command(*arguments, "--json")[0])
    assert difference == {
        "added": ["garden.weather.remark"],
        "removed": ["garden.weather.note"],
        "changed": [
            {
                "name": "garden.weather.rain_ticks",
                "fields": [{"field": "expires", "old": "71", "new": "80"}],
            }
        ],
    }
    assert "expires: 71 -> 80" in command(*arguments)[0]


def test_the_list_has_the_files_of_each_revision(root, command):
    """With --kind only revisions that have such a file."""
    (entry,) = json.loads(command("specs", "list", "--json", "--data", str(root))[0])["cached"]

    assert entry["files"] == ["Histograms.json", "Scalars.yaml", "Events.yaml", "UseCounters.conf"]
    listed = command("specs", "list", "--kind", "glean", "--json", "--data", str(root))[0]
    assert json.loads(listed)["cached"] == []


def test_a_revision_without_histograms_is_listed_with_its_other_files(root, command):
    """Its scalars are shown; histograms are those of a revision that has some."""
    url = "https://hg.mozilla.org/mozilla-central/rev/33ce52b7c7ea"
    folder = RevisionCache(root / "specs").path_of(parse_revision_url(url)).parent
    folder.mkdir(parents=True)
    (folder / "Scalars.yaml").write_bytes(SCALARS)
    arguments = ("--json", "--data", str(root))

    listed = {
        each["revision"]: each for each in json.loads(command("specs", "list", *arguments)[0])["cached"]
    }
    scalars = json.loads(command("specs", "list", "--kind", "scalar", *arguments)[0])["cached"]
    events = json.loads(command("specs", "list", "--kind", "event", *arguments)[0])["cached"]

    assert listed["33ce52b7c7ea"]["files"] == ["Scalars.yaml"]
    assert listed["33ce52b7c7ea"]["bytes"] == len(SCALARS)
    assert [each["revision"] for each in scalars] == ["33ce52b7c7ea", "a55c55edf302"]
    assert [each["revision"] for each in events] == ["a55c55edf302"]
    shown = names(command("specs", "show", "--kind", "scalar", "--revision", url, *arguments))
    assert ("garden.weather.by_tool", "uint", True) in shown
    assert json.loads(command("specs", "show", *arguments)[0])
    assert json.loads(command("specs", "show", "--kind", "scalar", *arguments)[0])
    DataRoot(root).prepare(Disk())
    statement = "SELECT DISTINCT kind FROM definitions WHERE revision LIKE '%33ce52b7c7ea'"
    rows = json.loads(command("sql", statement, "--format", "json", "--data", str(root))[0])
    assert rows == [{"kind": "scalar"}]


@pytest.mark.parametrize("expires", [b"never", b"2100-01-01", b"150"])
def test_glean_definitions_are_imported_and_shown(root, command, expires):
    """They expire never, on a date, or with a version."""
    file = root / "metrics.yaml"
    file.write_bytes(METRICS % expires)
    data = ("--data", str(root))

    command("specs", "import-glean", str(file), "--application", "org-example-garden", *data)
    assert (root / "specs/glean/org-example-garden/app/metrics.yaml").read_bytes() == METRICS % expires
    (shown,) = json.loads(command("specs", "show", "--kind", "glean", "--json", *data)[0])
    assert (shown["name"], shown["kind"]) == ("garden.visits", "counter")
    assert (shown["send_in_pings"], shown["expires"]) == (["metrics"], expires.decode())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"a: [",
        METRICS.replace(b"counter", b"teapot") % b"never",
        b"[" * 9999,
        METRICS % b"150" + (METRICS % b"2100-01-01").split(b"garden:")[1].replace(b"visits", b"guests"),
    ],
)
def test_a_glean_file_that_is_not_accepted_is_not_kept(root, command, text):
    """One line says why."""
    file = root / "metrics.yaml"
    file.write_bytes(text)

    _, said = command("specs", "import-glean", str(file), "--application", "a", "--data", str(root), status=4)
    assert said.count("\n") == 1
    assert not (root / "specs/glean").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[custom]\n", "store is missing"),
        ("[custom]\nstore = 's'\nclient_ids = 'forbidden'\n", "did you mean client_id?"),
        ("[custom]\nstore = 's'\nclient_id = 'never'\n", "not one of forbidden, required, allowed"),
        ("[custom]\nstore = 's'\nsections = 'payload'\n", "is not a path such as"),
        ("custom = 1\n", "outside of a table"),
        ("[custom\n", "not TOML"),
    ],
)
def test_a_file_of_stores_that_makes_no_sense_is_a_configuration_error(
    root, command, monkeypatch, text, expected
):
    """The line names the file, the table and the key."""
    file = root / "stores.toml"
    file.write_text(text)
    monkeypatch.setenv("TELEMETRY_STORES_FILE", str(file))

    _, said = command("config", "check", "--data", str(root), status=78)
    assert expected in said
    assert str(file) in said
