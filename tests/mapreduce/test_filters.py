"""Filters: which folders a job reads."""

import json
from itertools import pairwise

import pytest

from storage.partitions.schema import OneOf
from telemetry_server.mapreduce import inputs
from telemetry_server.mapreduce.errors import BadFilter
from telemetry_server.mapreduce.filter import parse_filter
from tests.mapreduce.original_jobs import SUM

KNOWN = ("reason", "appName", "appUpdateChannel", "appVersion", "appBuildID")
BY_FOLDER = 'def map(key, dims, value, context):\n    context.write("/".join(dims), 1)\n' + SUM


def filter_text(**wanted) -> str:
    """A filter of these dimensions."""
    dimensions = [{"field_name": name, "allowed_values": allowed} for name, allowed in wanted.items()]
    return json.dumps({"version": 1, "dimensions": dimensions})


def all_folders(jobs) -> list[str]:
    """The dimensions of all records' folders, by text."""
    return [line.partition("\t")[0] for line in jobs.output(BY_FOLDER)]


@pytest.mark.parametrize(
    ("wanted", "place", "matches"),
    [
        ({"reason": "saved-session"}, 0, lambda folder: folder == "saved_session"),
        ({"reason": "saved_session"}, 0, lambda folder: folder == "saved_session"),
        ({"reason": ["idle-daily", "nothing"]}, 0, lambda folder: folder == "idle_daily"),
        ({"appName": "*"}, 1, lambda folder: True),
        ({"appUpdateChannel": ["nightly", "beta"]}, 2, lambda folder: folder in ("nightly", "beta")),
        ({"appVersion": {"min": "29.5"}}, 3, lambda folder: folder == "30.0a1"),
        ({"appBuildID": {"max": "20140302"}}, 4, lambda folder: folder <= "20140302999999"),
        ({"appBuildID": {"min": "20140302", "max": "20140303"}}, 4, lambda f: "20140302" <= f < "20140304"),
        ({"submission_date": "20261123"}, 5, lambda folder: folder == "20261123"),
        ({"submission_date": {"max": "20261122"}}, 5, lambda folder: folder == "20261122"),
    ],
)
def test_a_filter_selects_folders(jobs, wanted, place, matches):
    """As folder names, with both bounds included; what is left out allows everything."""
    every = all_folders(jobs)
    (jobs.folder / "f.json").write_text(filter_text(**wanted))
    output = jobs.output(BY_FOLDER, "--filter", str(jobs.folder / "f.json"))

    expected = [folder for folder in every if matches(folder.split("/")[place])]
    assert [line.partition("\t")[0] for line in output] == expected
    assert expected
    assert (expected == every) == (wanted == {"appName": "*"})


def test_the_dimensions_are_those_of_the_schema_and_the_day_is_last(jobs):
    """Spelled as in folder names."""
    first = all_folders(jobs)[0]

    assert first == "idle_daily/Firefox/aurora/29.0/20140301030202/20261123"


def test_what_is_excluded_is_not_opened(jobs, monkeypatch):
    """Only the files of wanted folders are."""
    opened = []
    real = inputs._opened
    monkeypatch.setattr(inputs, "_opened", lambda path: opened.append(path) or real(path))
    (jobs.folder / "f.json").write_text(filter_text(appUpdateChannel="beta"))
    jobs.run(BY_FOLDER, "--filter", str(jobs.folder / "f.json"))

    assert opened
    assert {path.parts[-4] for path in opened} == {"beta"}


def test_where_nothing_matches_the_output_is_empty(jobs):
    """Status 0; a line says how many files there were, and which dimension excluded them."""
    (jobs.folder / "f.json").write_text(filter_text(appName="Firefox", appVersion="99.0"))
    words = [BY_FOLDER, "--filter", str(jobs.folder / "f.json"), "--output", str(jobs.folder / "out")]
    _, said = jobs.run(*words)

    assert (jobs.folder / "out").read_bytes() == b""
    assert "no records match: " in said
    assert "files, excluded by appVersion (" in said


def test_the_first_dimension_that_excludes_a_file_is_counted(jobs):
    """Level by level; the counts add up to all files."""
    (jobs.folder / "f.json").write_text(filter_text(reason="idle-daily", appVersion="99.0"))
    _, said = jobs.run(BY_FOLDER, "--filter", str(jobs.folder / "f.json"))
    numbers = [int(word.strip("(),")) for word in said.split() if word.strip("(),").isdigit()]

    assert numbers[0] == numbers[1] + numbers[2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (filter_text(appname="x"), "no dimension 'appname'; did you mean appName?"),
        (filter_text(zzz="x"), "no dimension 'zzz'"),
        ("{", "invalid JSON"),
        ("[]", 'must be an object with a list "dimensions"'),
        ('{"version": 2, "dimensions": []}', '"version" must be 1'),
        (filter_text(appVersion=3), "dimensions[0].allowed_values"),
        (filter_text(appVersion={"min": "x"}), "dimensions[0].allowed_values.min"),
    ],
)
def test_a_wrong_filter_is_status_2(jobs, text, says):
    """It is named, and so is its wrong part."""
    (jobs.folder / "f.json").write_text(text)
    out = jobs.folder / "out"
    words = [BY_FOLDER, "--filter", str(jobs.folder / "f.json"), "--output", str(out)]
    _, said = jobs.run(*words, status=2)

    assert says in said
    assert "f.json: " in said
    assert len(said.splitlines()) == 1
    assert not out.exists()


def test_a_filter_that_cannot_be_read_is_bad_input(jobs):
    """Status 4."""
    _, said = jobs.run(BY_FOLDER, "--filter", "nowhere.json", status=4)

    assert "nowhere.json: No such file or directory" in said


def test_a_filter_may_name_the_day_and_every_dimension_of_old_schemas():
    """And may have no dimension at all."""
    wanted = parse_filter(
        filter_text(oldName="a-b", submission_date="20261122").encode(), "f", [*KNOWN, "oldName"]
    )

    assert wanted.wanted["oldName"] == OneOf(("a_b",))
    assert parse_filter(b'{"version": 1, "dimensions": []}', "f", KNOWN).wanted == {}
    with pytest.raises(BadFilter):
        parse_filter(filter_text(oldName="x").encode(), "f", KNOWN)


def test_filters_that_want_the_same_have_one_digest():
    """Whatever the order of their dimensions."""
    texts = [filter_text(reason="a-b", appName=["x"]), filter_text(appName="x", reason=["a_b"])]
    digests = [parse_filter(text.encode(), "f", KNOWN).digest for text in texts]

    assert all(one == other for one, other in pairwise(digests))
    assert digests[0] != parse_filter(filter_text(reason="a_c").encode(), "f", KNOWN).digest
