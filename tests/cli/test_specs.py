"""``specs``: prints definitions for people and for scripts."""

import json
import socket

import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.revision import parse_revision_url
from telemetry_server.cli.main import main
from tests.histogram_specs.samples import text_of
from tests.support.shared_data import shared_data

URL = "https://hg.mozilla.org/releases/mozilla-release/rev/a55c55edf302"
OLD = text_of(
    DNS={"kind": "exponential", "high": 100, "n_buckets": 8},
    FLAG={"kind": "flag", "keyed": "true"},
    BAD={"kind": "enumerated"},
)
NEW = text_of(DNS={"kind": "exponential", "high": 200, "n_buckets": 8}, MORE={"kind": "boolean"})


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A data root with one cached revision, and a revision server that does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    monkeypatch.setenv("TELEMETRY_REVISION_SERVER", f"http://127.0.0.1:{port}")
    RevisionCache(tmp_path / "specs").store(parse_revision_url(URL), OLD)
    (tmp_path / "new.json").write_bytes(NEW)
    return tmp_path


def run(root, *words):
    return main(["specs", *words, "--data", str(root)])


@pytest.mark.parametrize("source", [(), ("--revision", URL)])
def test_show_prints_all_as_json(root, capsys, source):
    """Only name, kind, keyed and starts; unusable definitions are reported on stderr."""
    assert run(root, "show", "--json", *source) == 0

    printed = capsys.readouterr()
    assert json.loads(printed.out) == [
        {
            "name": "DNS",
            "kind": "exponential",
            "keyed": False,
            "bucket_starts": [0, 1, 2, 4, 9, 20, 45, 100],
        },
        {"name": "FLAG", "kind": "flag", "keyed": True, "bucket_starts": [0, 1, 2]},
    ]
    assert "BAD is unusable: no n_values" in printed.err


def test_show_prints_one_for_a_script_and_for_a_person(root, capsys):
    """With its name or with the prefix STARTUP_."""
    assert run(root, "show", "STARTUP_DNS", "--revision", URL, "--json") == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["DNS"]

    assert run(root, "show", "FLAG", "--revision", URL) == 0
    printed = capsys.readouterr().out
    assert "kind        flag" in printed
    assert "3, starting at 0 1 2" in printed


def test_show_prints_every_count_that_a_definition_may_have(tmp_path, capsys):
    """The likeliest first."""
    file = tmp_path / "Histograms.json"
    file.write_bytes(text_of(CHOICE={"kind": "categorical", "labels": ["a", "b"]}))

    assert main(["specs", "show", "CHOICE", "--file", str(file), "--json"]) == 0
    [printed] = json.loads(capsys.readouterr().out)
    assert printed["bucket_starts"] == list(range(51))
    assert printed["other_bucket_starts"] == [[0, 1, 2]]
    assert main(["specs", "show", "CHOICE", "--file", str(file)]) == 0
    assert "  or          3, starting at 0 1 2" in capsys.readouterr().out
    assert main(["specs", "show", "--file", str(file)]) == 0
    assert "51 or 3" in capsys.readouterr().out


def test_show_as_json_names_the_labels_of_categorical_histograms(tmp_path, capsys):
    """In the order of their buckets."""
    file = tmp_path / "Histograms.json"
    definition = {"kind": "categorical", "labels": ["none", "some", "all"], "expires_in_version": "never"}
    file.write_text(json.dumps({"HOW_MANY": definition}))

    assert main(["specs", "show", "HOW_MANY", "--file", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["labels"] == ["none", "some", "all"]


def test_show_prints_all_definitions_of_a_file(capsys):
    """For the largest file."""
    file = shared_data("probes", "gecko-56.0a1-33ce52b7c7ea", "Histograms.json")

    assert main(["specs", "show", "--file", str(file), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 1557
    assert main(["specs", "show", "--file", str(file)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1559


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("show", "NONE", "--revision", URL), 1, "NONE is not defined"),
        (("show", "BAD", "--revision", URL), 1, "BAD is unusable: no n_values"),
        (("show", "--revision", "http://h/x/rev/tip"), 2, "lower-case hex"),
        (("show", "--revision", URL.replace("a5", "b5")), 5, "127.0.0.1"),
        (("show", "--file", "/no/such/file"), 4, "No such file"),
        (("show", "--file", __file__), 4, "is not a spec file"),
        (("show", "DNS", "--history"), 1, "specs prefetch --repo mozilla-central"),
        (("show", "--history"), 2, "needs a NAME"),
        (("diff", __file__, URL), 4, "is not a spec file"),
        (("prefetch", "--repo", "../x"), 2, "not the path of a repository"),
        (("prefetch", "--repo", "mozilla-central"), 5, "127.0.0.1"),
    ],
)
def test_definitions_that_cannot_be_shown_are_reported_in_one_line(root, capsys, words, status, message):
    """On stderr, with an exit status for the kind of problem."""
    assert run(root, *words) == status

    talk = capsys.readouterr().err
    assert message in talk
    assert "Traceback" not in talk
    assert "a bug in" not in talk


def test_an_unreachable_server_is_reported_once(root, capsys, caplog):
    """The fetch does not log what the command prints."""
    assert run(root, "show", "--revision", URL.replace("a5", "b5")) == 5

    assert len(capsys.readouterr().err.splitlines()) == 1
    assert caplog.records == []


@pytest.mark.parametrize("words", [("show", "--json"), ("list", "--json"), ("list",), ("show",)])
def test_an_empty_data_root_is_not_an_error(tmp_path, capsys, words):
    """A new or a missing data root; the command creates nothing."""
    assert run(tmp_path / "absent", *words) == (1 if "show" in words else 0)

    assert "a bug in" not in capsys.readouterr().err
    assert not (tmp_path / "absent").exists()


def test_offline_a_missing_revision_is_not_fetched(root, capsys, monkeypatch):
    """And prefetch is refused."""
    monkeypatch.setenv("TELEMETRY_REVISION_OFFLINE", "true")

    assert run(root, "show", "--revision", URL.replace("a5", "b5")) == 1
    assert "the server is not asked" in capsys.readouterr().err
    assert run(root, "prefetch") == 78
    assert "revision_offline" in capsys.readouterr().err


def test_list_shows_what_is_in_the_cache(root, capsys):
    """For people and for scripts."""
    assert run(root, "list") == 0
    assert "a55c55edf302" in capsys.readouterr().out

    assert run(root, "list", "--json") == 0
    (cached,) = json.loads(capsys.readouterr().out)["cached"]
    assert cached["repository"] == "releases/mozilla-release"
    assert cached["revision"] == "a55c55edf302"
    assert cached["bytes"] == len(OLD)


def test_diff_compares_files_and_revisions(root, capsys):
    """It prints added, removed and changed definitions, and whether their buckets changed."""
    assert run(root, "diff", URL, str(root / "new.json"), "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "added": ["MORE"],
        "removed": ["BAD", "FLAG"],
        "changed": [
            {
                "name": "DNS",
                "fields": [{"field": "high", "old": 100, "new": 200}],
                "buckets_changed": True,
            }
        ],
    }

    assert run(root, "diff", URL, str(root / "new.json")) == 0
    printed = capsys.readouterr().out
    assert "changed  DNS (buckets changed)" in printed
    assert "high: 100 -> 200" in printed
    assert printed.endswith("1 added, 2 removed, 1 changed\n")


@pytest.mark.parametrize("action", ["", "prefetch", "list", "show", "diff"])
def test_every_action_has_help_with_an_example(capsys, action):
    """And lists its options."""
    with pytest.raises(SystemExit) as ended:
        main(["specs", *filter(None, [action]), "--help"])

    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "telemetry-server specs" in printed.split("example")[1]
    if action:
        assert "--json" in printed
        assert "--data" in printed
