"""The forms of submit paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.pings.errors import BadDocumentId, BadSubmitPath
from telemetry_server.pings.submit_path import SubmitPath, parse_submit_path

ID = "11111111-2222-4333-8444-555555555555"
BUILD = "main/Firefox/61.0a1/nightly/20180328030202"


def test_the_long_form_of_firefox_has_the_build():
    """In it the version precedes the channel."""
    assert parse_submit_path(f"/submit/telemetry/{ID}/{BUILD}") == SubmitPath(
        document_id=ID,
        namespace="telemetry",
        doctype="main",
        app_name="Firefox",
        app_version="61.0a1",
        channel="nightly",
        build_id="20180328030202",
    )


def test_the_short_form_has_only_the_id():
    assert parse_submit_path(f"/submit/telemetry/{ID}") == SubmitPath(ID, "telemetry")


def test_the_generic_form_has_namespace_doctype_and_version():
    assert parse_submit_path(f"/submit/garden/watering/1/{ID}") == SubmitPath(ID, "garden", "watering", "1")


@pytest.mark.parametrize(
    "build", ["", BUILD, f"{BUILD}/", "main////", "main/Firefox/%20/x/", "a/b", "main/../x/y/z"]
)
def test_builds_that_were_read_before_are_read_alike(build):
    """Many pings have one build: each has its own id, also in an error."""
    other_id = ID.replace("1", "a")

    first, again, other = (_read(f"/submit/telemetry/{one}/{build}") for one in (ID, ID, other_id))

    assert first == again
    assert ID in first
    assert other == first.replace(ID, other_id)


def _read(path: str) -> str:
    try:
        return repr(parse_submit_path(path))
    except BadSubmitPath as error:
        return f"{error.detail} {error.document_id}"


@pytest.mark.parametrize("end", ["/", "//", "///"])
def test_slashes_at_the_end_are_ignored(end):
    path = parse_submit_path(f"/submit/garden/watering/1/{ID}{end}")

    assert path.has_trailing_slash
    assert path.document_id == ID


def test_an_id_keeps_its_case():
    """Ids are compared without regard to case elsewhere."""
    upper = "AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE"

    assert parse_submit_path(f"/submit/telemetry/{upper}").document_id == upper


@pytest.mark.parametrize(
    ("dimensions", "said"),
    [
        (
            "saved%2Dsession/Firefox/61.0/release/20180328030202",
            ("saved-session", "Firefox", "61.0", "release", "20180328030202"),
        ),
        ("main/Own%20Browser/1.0~beta/de~luxe/1", ("main", "Own Browser", "1.0~beta", "de~luxe", "1")),
        ("main/Firef%C3%B6x/61.0/nightly/1", ("main", "Firef\xf6x", "61.0", "nightly", "1")),
        ("main/Firef\xf6x/61.0/nightly/1", ("main", "Firef\xf6x", "61.0", "nightly", "1")),
        (
            "main/Firef%F6x/61.0/nightly/1",
            ("main", "Firef\N{REPLACEMENT CHARACTER}x", "61.0", "nightly", "1"),
        ),
        ("main/100%/61.0/nightly/1", ("main", "100%", "61.0", "nightly", "1")),
        ("main/a%2Fb/(1)/@home/1", ("main", "a/b", "(1)", "@home", "1")),
        ("/Firefox/61.0/nightly/1", (None, "Firefox", "61.0", "nightly", "1")),
        ("main/Firefox//nightly/1", ("main", "Firefox", None, "nightly", "1")),
        ("main/Firefox/61.0/nightly/", ("main", "Firefox", "61.0", "nightly", None)),
        ("main////", ("main", None, None, None, None)),
        ("////", (None, None, None, None, None)),
    ],
)
def test_a_dimension_in_the_path_is_decoded_and_may_be_empty(dimensions, said):
    """The payload has the same fields, and takes precedence."""
    path = parse_submit_path(f"/submit/telemetry/{ID}/{dimensions}")

    assert (path.doctype, path.app_name, path.app_version, path.channel, path.build_id) == said
    assert (path.document_id, path.has_trailing_slash) == (ID, dimensions == "////")


def test_names_of_the_generic_form_are_decoded():
    assert parse_submit_path(f"/submit/gar%64en/water%20ing/1~2/{ID}") == SubmitPath(
        ID, "garden", "water ing", "1~2"
    )
    assert parse_submit_path(f"/submit/tele%6Detry/{ID}") == SubmitPath(ID, "telemetry")


@pytest.mark.parametrize("slashes", ["//", "///", "/" * 20])
def test_several_slashes_before_submit_are_one(slashes):
    """A client appends its path to a URL that ends in a slash."""
    assert parse_submit_path(f"{slashes}submit/telemetry/{ID}/{BUILD}") == parse_submit_path(
        f"/submit/telemetry/{ID}/{BUILD}"
    )


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/submit",
        "/submit/",
        "/submit//",
        "submit/telemetry/" + ID,
        "/Submit/telemetry/" + ID,
        "/elsewhere",
        "/submit/telemetry",
        "/submit/telemetry/",
        f"/submit/telemetry/{ID}/main",
        f"/submit/telemetry/{ID}/main/Firefox/61.0a1/nightly",
        f"/submit/telemetry/{ID}/{BUILD}/more",
        f"/submit/telemetry//{ID}",
        f"/submit/telemetry/main/4/{ID}",
        f"//elsewhere/submit/telemetry/{ID}",
        f"/submit//telemetry/{ID}",
        f"/submit/telemetry/{ID}/main/%2E%2E/61.0/nightly/1",
        f"/submit/telemetry/{ID}/main/a%00b/61.0/nightly/1",
        f"/submit/telemetry/{ID}/main/a%E2%80%AEb/61.0/nightly/1",
        f"/submit//watering/1/{ID}",
        f"/submit/telemetry/{ID}/main/../61.0/nightly/1",
        f"/submit/telemetry/{ID}/main/{'F' * 129}/61.0/nightly/1",
        f"/submit/garden/watering/{ID}",
        f"/submit/garden/watering/1/2/{ID}",
        f"/submit/../watering/1/{ID}",
        f"/submit/garden/watering//{ID}",
        f"/submit/garden/watering/1\n/{ID}",
        f"/submit/garden/{'w' * 129}/1/{ID}",
    ],
)
def test_every_other_path_is_refused(path):
    with pytest.raises(BadSubmitPath):
        parse_submit_path(path)


@pytest.mark.parametrize(
    "document_id",
    [
        "1-1-1-1-1",
        "11111111222243338444555555555555",
        "{11111111-2222-4333-8444-555555555555}",
        "g1111111-2222-4333-8444-555555555555",
        "11111111-2222-4333-8444-555555555555x",
        "%31%31",
        "\N{FULLWIDTH DIGIT ONE}1111111-2222-4333-8444-555555555555",
    ],
)
def test_an_invalid_document_id_is_not_reported_as_an_invalid_path(document_id):
    for path in (f"/submit/telemetry/{document_id}/{BUILD}", f"/submit/garden/watering/1/{document_id}"):
        with pytest.raises(BadDocumentId):
            parse_submit_path(path)


def test_any_uuid_is_an_id():
    """The nil UUID, and unused versions."""
    for document_id in ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"):
        assert parse_submit_path(f"/submit/telemetry/{document_id}").document_id == document_id


def test_a_wrong_number_of_segments_is_named():
    with pytest.raises(BadSubmitPath, match=r"5 path elements .* \(-1\)"):
        parse_submit_path(f"/submit/telemetry/{ID}/main/Firefox/61.0a1/nightly")
    with pytest.raises(BadSubmitPath, match=r"7 path elements .* \(\+1\)"):
        parse_submit_path(f"/submit/telemetry/{ID}/{BUILD}/more")


@pytest.mark.parametrize("segment", [".", "..", "%2e", "a" * 129, "%07"])
def test_a_segment_that_is_no_name_is_refused_with_the_rule(segment):
    with pytest.raises(BadSubmitPath, match=r"path element 3 .* is `\.` or `\.\.`, or not 1 to"):
        parse_submit_path(f"/submit/telemetry/{ID}/main/{segment}/61.0a1/nightly/20180328030202")


def test_an_id_in_a_bad_path_is_still_named():
    """`explain` finds its outcome by the id."""
    with pytest.raises(BadSubmitPath) as caught:
        parse_submit_path(f"/submit/garden/{ID}")

    assert caught.value.document_id == ID


@given(st.text())
def test_any_text_is_read_or_refused(text):
    for path in (text, "/submit/" + text, "/submit/telemetry/" + text):
        try:
            parsed = parse_submit_path(path)
        except (BadSubmitPath, BadDocumentId) as error:
            assert "\n" not in error.detail
        else:
            assert parsed.document_id in path
