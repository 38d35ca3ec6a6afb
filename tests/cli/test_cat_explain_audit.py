"""cat, explain, audit, replay and compact, as a person or a script uses them."""

import json
from dataclasses import replace
from uuid import UUID

import pytest

from storage.integrity.audit import audit
from storage.ledger.ledger import Ledger
from storage.partitions.schema import OneOf, PartitionSchema
from telemetry_server.inspection.explain import explain
from telemetry_server.inspection.histogram_count import histograms_kept
from tests.support.data_root import World, a_ping, an_id, submitted


@pytest.fixture
async def world(tmp_path):
    """Three stored pings, a repeat with other bytes, a broken one, one of an unknown revision."""
    from histogram_specs.revision import Revision

    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    world.put_specs()
    pings = [a_ping(number) for number in range(3)]
    pings[2]["info"]["appVersion"] = "31.0"
    strange = a_ping(5, revision=Revision("mozilla-central", "eeeeeeeeeeee"))
    world.receive(
        [
            *(submitted(ping, number) for number, ping in enumerate(pings)),
            submitted(a_ping(1, other=1), 1),
            submitted(b"{broken", 4),
            submitted(strange, 5),
        ]
    )
    await world.convert()
    return world


@pytest.fixture
def look(world, command):
    """Runs a command on the world's data root."""

    def run(*words: str, status: int = 0) -> str:
        return command(*words, "--data", str(world.root.path), status=status)[0]

    return run


def objects(text: str) -> list[tuple[str, dict]]:
    return [(line.split("\t")[0], json.loads(line.split("\t")[1])) for line in text.splitlines()]


def test_cat_converted_prints_records_of_the_partitions_asked_for(look):
    """A dimension's value is written as clients write it, * and ? stand for any characters."""
    assert len(objects(look("cat", "converted"))) == 3
    assert [i for i, _ in objects(look("cat", "converted", "--where", "appVersion=31.0"))] == [an_id(2)]
    assert len(objects(look("cat", "converted", "--where", "appVersion=30.*", "--date", "20261122"))) == 2
    assert len(objects(look("cat", "converted", "--where", "reason=saved-session"))) == 3
    assert look("cat", "converted", "--date", "20261121") == ""


def test_cat_names_the_dimensions_when_one_is_unknown(world, command):
    """A slip of the pen is told, not answered with nothing."""
    words = ("cat", "converted", "--where", "version=31.0", "--data", str(world.root.path))

    _, talk = command(*words, status=2)

    assert "appVersion" in talk


@pytest.fixture
async def garden(world):
    """Two pings of an unregistered product beside the classic ones."""
    world.receive(
        [
            submitted({"n": 1}, 20, path=f"/submit/garden/watering/1/{an_id(20)}"),
            submitted({"n": 2}, 21, path=f"/submit/garden/weeding/1/{an_id(21)}"),
        ]
    )
    await world.convert()
    return world


@pytest.mark.parametrize(
    ("conditions", "numbers", "said"),
    [
        (("namespace=garden",), {20, 21}, ()),
        (("namespace=garden", "doctype=watering"), {20}, ()),
        (("doctype=we*",), {21}, ()),
        (("doctype=watering", "reason=OTHER"), {20}, ()),
        (("doctype=watering", "reason=main"), set(), ()),
        (("namespace=telemetry", "appVersion=31.0"), {2}, ()),
        (("appName=garden",), set(), ("appName=garden is stored as OTHER", "namespace=garden")),
        (("reason=watering",), set(), ("reason=watering is stored as OTHER", "doctype=watering")),
        (("appUpdateChannel=default",), set(), ("--where appUpdateChannel=OTHER",)),
        (("appUpdateChannel=night*",), {0, 1, 2}, ()),
        (("reason=OTHER",), {20, 21}, ()),
    ],
)
def test_cat_converted_filters_by_namespace_and_doctype_and_names_values_filed_as_other(
    garden, command, conditions, numbers, said
):
    words = [word for condition in conditions for word in ("--where", condition)]

    printed, talk = command("cat", "converted", "--data", str(garden.root.path), *words)

    assert {i for i, _ in objects(printed)} == {an_id(number) for number in numbers}
    assert all(words in talk for words in said)
    assert bool(talk) is bool(said)


async def test_cat_says_where_records_from_before_a_schema_change_are(world, command):
    """The channel was OTHER in the earlier schema, and has a folder of its own in the later one."""
    pings = [a_ping(number) for number in (30, 31)]
    for ping in pings:
        ping["info"]["appUpdateChannel"] = "canary"
    default = PartitionSchema.default()
    for number, ping in zip((30, 31), pings, strict=True):
        world.receive([submitted(ping, number)])
        await world.convert()
        canary = replace(default.dimensions[2], allowed=OneOf(("canary",)))
        schema = replace(default, dimensions=(*default.dimensions[:2], canary, *default.dimensions[3:]))
        world.setup = replace(world.setup, schema=schema)
    words = ("cat", "converted", "--data", str(world.root.path), "--where")

    printed, talk = command(*words, "appUpdateChannel=canary")

    assert [i for i, _ in objects(printed)] == [an_id(31)]
    assert "older records: --where appUpdateChannel=OTHER" in talk
    assert [i for i, _ in objects(command(*words, "appUpdateChannel=OTHER")[0])] == [an_id(30)]


def test_cat_raw_and_quarantine_know_what_the_path_says(world, look):
    """A dimension filters them too, where the path names it; a name that there is not is told."""
    world.receive(
        [submitted(a_ping(9), 9, path=f"/submit/telemetry/{an_id(9)}/main/Firefox/61.0/nightly/2018")]
    )

    assert [i for i, _ in objects(look("cat", "raw", "--where", "appName=Firefox"))] == [an_id(9)]
    assert len(objects(look("cat", "raw", "--where", "namespace=telemetry"))) == 7
    assert objects(look("cat", "raw", "--where", "appVersion=60.*")) == []
    look("cat", "quarantine", "--where", "bogus=1", status=2)


def test_cat_goes_on_after_a_file_that_is_damaged(world, command):
    """What is whole is printed, the file is named, exit status 4."""
    path = sorted(world.root.converted.rglob("*.zst"))[0]
    path.write_bytes(path.read_bytes()[:-5])

    printed, talk = command("cat", "converted", "--data", str(world.root.path), status=4)

    assert 1 <= len(printed.splitlines()) < 3
    assert path.name in talk


@pytest.mark.parametrize(
    ("store", "words"),
    [
        ("converted", ("cat", "converted")),
        ("quarantine", ("cat", "quarantine")),
        ("converted", ("explain", an_id(1))),
        ("converted", ("convert",)),
    ],
)
def test_a_file_that_was_removed_is_named_with_what_to_do(world, command, store, words):
    """By whoever needs it, in the same words."""
    files = sorted((world.root.path / store).rglob("*.zst"))
    for path in files:
        path.unlink()
    _, talk = command(*words, "--data", str(world.root.path), status=70)

    assert any(f"{path.relative_to(world.root.path)}: committed bytes are missing" in talk for path in files)
    assert "put the file back, or run: telemetry-server repair --dry-run" in talk
    assert "FileNotFoundError" not in talk
    assert talk.count("\n") == 1


def test_audit_does_not_take_damage_in_raw_for_submissions(world, look):
    """Only whole records are received, read or not."""
    world.receive([submitted(a_ping(8), 8)])
    segment = max(world.root.raw.glob("*/*.tlg"), key=lambda path: path.stat().st_mtime_ns)
    data = bytearray(segment.read_bytes())
    data[data.index(an_id(8).encode()) + 200] ^= 1
    segment.write_bytes(data)

    assert json.loads(look("audit", "--json"))["total"]["received"] == 6


def test_audit_sees_damage_to_what_was_converted(world, command):
    """The record is safe; the submission that it came from is not what was received any more."""
    segment = min(world.root.raw.glob("*/*.tlg"))
    data = bytearray(segment.read_bytes())
    data[data.index(an_id(1).encode()) + 200] ^= 1
    segment.write_bytes(data)

    _, talk = command("audit", "--data", str(world.root.path), status=1)

    assert f"raw: 1 submissions damaged since they were converted, in {segment.parent.name}/" in talk


async def test_audit_does_not_miss_what_goes_past_its_time_meanwhile(world):
    """A segment was listed, and is gone when its turn comes."""
    world.receive([submitted(a_ping(8), 8)])
    await world.convert()
    first, *others = sorted(world.root.raw.glob("*/*.tlg"))
    assert others

    def remove_others() -> None:
        for path in others:
            path.unlink(missing_ok=True)

    with Ledger.for_reading(world.root) as ledger:
        found = audit(world.root, ledger, on_file=remove_others)

    assert found.findings == []
    assert first.exists()
    assert not any(path.exists() for path in others)


def test_audit_knows_of_damage_in_what_was_imported(world, command, look, tmp_path):
    """A line without a TAB is no ping, and costs no other."""
    (tmp_path / "lines").write_bytes(b"no tab\n" + an_id(9).encode() + b'\t{"ver":2,"info":{}}\n')

    for _ in range(2):
        command("convert", str(tmp_path / "lines"), "--data", str(world.root.path), status=4)

    audit = json.loads(look("audit", "--json"))
    assert audit["damaged"] == {"records": 2, "bytes": 14}
    assert audit["balanced"]


def test_oddities_are_counted_where_an_operator_sees_them(world, look):
    """A client's own metadata is discarded, and noted."""
    world.receive([submitted(a_ping(8, metadata={"geo": "here"}), 8)])

    assert json.loads(look("convert", "--json"))["notes"] == {"reserved_field": 1}
    assert json.loads(look("audit", "--json"))["notes"] == {"reserved_field": 1}
    assert "reserved_field" in look("audit")


@pytest.mark.parametrize("words", [("convert",), ("replay",), ("compact",)])
def test_a_data_root_that_is_a_file_is_one_line(command, tmp_path, words):
    """A setting that makes no sense."""
    (tmp_path / "file").touch()

    _, talk = command(*words, "--data", str(tmp_path / "file"), status=78)

    assert "--data" in talk


def test_cat_quarantine_prints_what_was_refused_with_its_reason(look):
    """Whole submissions and dropped histograms, the same fields in each."""
    lines = objects(look("cat", "quarantine"))

    assert {line["reason"] for _, line in lines} == {
        "conflict",
        "invalid_json",
        "unknown_histogram",
        "unknown_revision",
    }
    for _, line in lines:
        assert {"document_id", "received_at", "path", "reason", "detail", "histogram"} <= set(line)
        assert ("body" in line) != ("body_base64" in line)
    ((_, broken),) = objects(look("cat", "quarantine", "--where", "reason=invalid_json"))
    assert broken["body_base64"] == "e2Jyb2tlbg=="
    ((_, conflict),) = objects(look("cat", "quarantine", "--where", "reason=conflict"))
    assert conflict["body"]["other"] == 1


def test_cat_raw_prints_every_submission_as_it_came(look):
    """Refused and repeated ones as well."""
    lines = objects(look("cat", "raw"))

    assert [document_id for document_id, _ in lines] == [an_id(n) for n in (0, 1, 2, 1, 4, 5)]
    assert all(line["reason"] is None and line["received_at"].endswith("Z") for _, line in lines)
    assert len(objects(look("cat", "raw", "--date", "20261121"))) == 0


def test_cat_raw_prints_an_address_where_one_was_kept(world, look):
    """Who decides how long raw/ is kept can see what is in it."""
    world.receive([replace(submitted(a_ping(8), 8), client_address="192.0.2.0")])

    addresses = {document_id: line.get("client_address") for document_id, line in objects(look("cat", "raw"))}

    assert addresses.pop(an_id(8)) == "192.0.2.0"
    assert set(addresses.values()) == {None}


@pytest.mark.parametrize(
    ("number", "outcome", "reason"),
    [(0, "stored", None), (4, "quarantined", "invalid_json"), (5, "quarantined", "unknown_revision")],
)
def test_explain_tells_the_outcome(look, number, outcome, reason):
    """Whoever has an id finds what became of it."""
    told = json.loads(look("explain", "--json", an_id(number)))

    assert (told["document_id"], told["outcome"], told["reason"]) == (an_id(number), outcome, reason)
    assert told["received_at"] == "2026-11-22T12:00:00.000000Z"


def test_explain_says_how_many_histograms_were_kept(look):
    """Of a stored ping, beside those that were dropped."""
    told = json.loads(look("explain", "--json", an_id(0)))

    assert (told["kept_histograms"], len(told["dropped_histograms"])) == (2, 1)
    assert "  kept      2 histograms\n  dropped   1 histograms\n" in look("explain", an_id(0))
    assert json.loads(look("explain", "--json", an_id(4)))["kept_histograms"] is None


COMPACT = {"A": [1, 0, 5, -1, -1, -1, -1], "B": [0, 1, 5, -1, -1, -1, -1]}


@pytest.mark.parametrize(
    ("namespace", "docversion", "record", "kept"),
    [
        ("telemetry", "1", {"histograms": COMPACT}, 2),
        ("telemetry", "1", {"keyedHistograms": {"K": COMPACT, "L": {"a": [1]}}}, 3),
        (
            "telemetry",
            "4",
            {"payload": {"histograms": COMPACT, "processes": {"gpu": {"histograms": COMPACT}}}},
            4,
        ),
        # Sent compact, or in a form of their own: nothing was checked.
        ("telemetry", "2", {"histograms": COMPACT}, 0),
        ("telemetry", "5", {"histograms": COMPACT}, 0),
        ("telemetry", "4", {"payload": {"histograms": {"A": {"values": {"0": 1}}}}}, 0),
        ("garden", "1", {"histograms": COMPACT}, 0),
    ],
)
def test_histograms_that_were_checked_and_packed_count_as_kept(namespace, docversion, record, kept):
    metadata = {"namespace": namespace, "docversion": docversion}

    assert histograms_kept(record | {"metadata": metadata}) == kept


async def test_explain_of_a_version_without_schema_does_not_call_it_checked(tmp_path):
    """It names the anomaly instead."""
    schemas = tmp_path / "schemas/garden/watering"
    schemas.mkdir(parents=True)
    (schemas / "watering.1.schema.json").write_text("{}")
    world = World(tmp_path / "data", schemas_dir=tmp_path / "schemas")
    world.receive(
        submitted({}, number, path=f"/submit/garden/watering/{number}/{an_id(number)}") for number in (1, 2)
    )
    await world.convert()

    with Ledger.for_reading(world.root) as ledger:
        first, second = (
            explain(world.root, ledger, world.setup.resolver(), UUID(an_id(number))) for number in (1, 2)
        )

    check = {"check": "doctype and schema", "passed": True}
    assert (check in first.checked, check in second.checked) == (True, False)
    assert second.metadata["anomalies"] == {"unregistered_version": 1}


def test_explain_of_what_is_no_id_says_where_such_pings_are(world, command):
    """They are quarantined under no id that anybody could ask for."""
    _, talk = command("explain", an_id(1).replace("-", ""), "--data", str(world.root.path), status=2)

    assert "is not a document id" in talk
    assert "cat quarantine --where reason=invalid_document_id" in talk


def test_explain_says_how_far_a_refused_ping_came(look):
    """What was checked, in order, to the check that ended it."""
    told = json.loads(look("explain", "--json", an_id(4)))

    assert told["checked"] == [
        {"check": "path", "passed": True},
        {"check": "body", "passed": True},
        {"check": "JSON", "passed": False},
    ]
    assert all(check["passed"] for check in json.loads(look("explain", "--json", an_id(0)))["checked"])


async def test_explain_of_a_ping_that_waits_names_its_revision(tmp_path):
    """When it came, where its bytes are, what it waits for."""
    world = World(tmp_path, server="http://127.0.0.1:9")
    world.receive([submitted(a_ping(1), 1)])
    await world.convert()

    with Ledger.for_reading(world.root) as ledger:
        told = explain(world.root, ledger, world.setup.resolver(), UUID(an_id(1)))

    assert (told.outcome, told.received_at) == ("pending", "2026-11-22T12:00:00.000000Z")
    assert told.revision == "mozilla-central/rev/0123456789ab"
    assert told.where.startswith("raw/20261122/")


def test_explain_names_the_dropped_histogram_and_the_repeat(look):
    """All that came under an id is told, and an id's case does not count."""
    told = json.loads(look("explain", "--json", an_id(1).upper()))

    assert [(h["name"], h["reason"]) for h in told["dropped_histograms"]] == [
        ("NOT_THERE", "unknown_histogram")
    ]
    assert [(other["outcome"], other["reason"]) for other in told["others"]] == [("duplicate", "conflict")]
    assert told["where"].endswith("/30.0a1/20140301030202")
    assert "stored" in look("explain", an_id(1))


def test_explain_of_a_ping_that_nobody_read_yet_is_pending(world, look):
    """It is in raw/, and the converter did not come to it."""
    world.receive([submitted(a_ping(8), 8)])

    told = json.loads(look("explain", "--json", an_id(8)))

    assert (told["outcome"], told["reason"]) == ("pending", "not read yet")


def test_explain_of_an_id_that_never_came_is_a_finding(look):
    """1, and a line that says so."""
    look("explain", an_id(77), status=1)
    look("explain", "not-an-id", status=2)


def test_audit_balances_and_says_what_waits(world, look):
    """Unread submissions are received and pending."""
    world.receive([submitted(a_ping(8), 8)])

    told = json.loads(look("audit", "--json"))

    assert told["balanced"] is True
    expected = {
        "received": 7,
        "stored": 3,
        "duplicate": 1,
        "conflict": 1,
        "quarantined": 2,
        "pending": 1,
        "deleted": 0,
    }
    assert told["total"] == told["days"]["20261122"] == expected


@pytest.mark.parametrize("store", ["converted", "quarantine"])
def test_audit_finds_a_file_that_is_gone(world, look, store):
    """1, and the file's name."""
    next(iter(sorted((world.root.path / store).rglob("*.zst")))).unlink()

    assert json.loads(look("audit", "--json", status=1))["findings"]
    assert "do NOT balance" in look("audit", status=1)


def test_audit_finds_a_line_that_is_gone(world, look):
    """A file that holds fewer records than were committed is not in balance."""
    from storage.partitions.frames import compress_frame

    path = next(iter(sorted(world.root.converted.rglob("*.zst"))))
    size = path.stat().st_size
    path.write_bytes(compress_frame(b"x\t{}\n").ljust(size, b"\0"))

    assert json.loads(look("audit", "--json", status=1))["balanced"] is False


def test_replay_shows_first_and_then_does(world, look):
    """--dry-run changes nothing; the definitions are put, the ping is stored."""
    from histogram_specs.revision import Revision

    world.put_specs(Revision("mozilla-central", "eeeeeeeeeeee"))

    dry = json.loads(look("replay", "--json", "--reason", "unknown_revision", "--dry-run"))
    assert (dry["examined"], dry["stored"]) == (1, 1)
    assert json.loads(look("explain", "--json", an_id(5)))["outcome"] == "quarantined"

    assert json.loads(look("replay", "--json", "--reason", "unknown_revision"))["stored"] == 1
    assert json.loads(look("explain", "--json", an_id(5)))["outcome"] == "stored"
    look("audit")
    look("replay", "--reason", "no_such_reason", status=2)


@pytest.mark.parametrize("reason", ["conflict", "unknown_histogram"])
def test_replay_says_why_it_does_not_take_what_belongs_to_a_stored_ping(world, command, reason):
    """Both are in quarantine under such a reason, and neither is a ping that could be stored."""
    _, talk = command("replay", "--reason", reason, "--data", str(world.root.path), status=2)

    (line,) = talk.splitlines()
    assert "is stored" in line
    assert f"cat quarantine --where reason={reason}" in line


def test_compact_merges_days_that_are_over(world, look):
    """Today is left alone: it is still written to."""
    from datetime import UTC, datetime

    merged = json.loads(look("compact", "--json"))

    assert isinstance(merged, list)
    today = datetime.now(UTC).strftime("%Y%m%d")
    look("compact", "--date", today, status=2)
    look("audit")


@pytest.mark.parametrize("words", [("cat", "converted"), ("audit",), ("explain", an_id(1))])
def test_a_data_root_that_is_not_there_is_one_line(command, tmp_path, words):
    """What is wrong, where, and what to do."""
    _, talk = command(*words, "--data", str(tmp_path / "nowhere"), status=78)

    assert "nowhere" in talk
    assert "--data" in talk


async def test_a_dropped_histogram_is_printed_with_every_digit_that_was_sent(world, look):
    """A count past 64 bits costs its histogram, and can be read where that is kept."""
    ping = a_ping(7)
    ping["histograms"]["PLAIN_FLAG"]["values"]["0"] = 2**64
    world.receive([submitted(json.dumps(ping).encode(), 7)])
    await world.convert()

    printed = objects(look("cat", "quarantine", "--where", "reason=invalid_count"))
    assert [(i, fields["body"]["values"]["0"]) for i, fields in printed] == [(an_id(7), 2**64)]


async def test_explain_says_what_histograms_without_definitions_are(tmp_path, command):
    """By their own word, as the record has it; names are made safe, and a long list is cut."""
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data", unresolved_revision="self_described")
    ping = a_ping(0)
    ping["info"]["revision"] = "https://github.com/example/browser"
    load = ping["histograms"].pop("LOAD_MS")
    ping["processes"] = {"gpu": {"histograms": {"PLAIN_FLAG": load}}}
    ping["histograms"]["EVIL\x1b[31m"] = load
    ping["keyedHistograms"] = {f"KEYED_{number:02}": {"k": load} for number in range(20)}
    world.receive([submitted(ping, 0)])
    await world.convert()
    words = ("explain", an_id(0), "--data", str(world.root.path))

    told = command(*words)[0]
    exact = json.loads(command(*words, "--json")[0])

    assert "24 histograms were packed by their own definitions" in told
    assert "    PLAIN_FLAG: flag, 1 to 2 in 3 buckets\n" in told
    assert r"    EVIL\x1b[31m: exponential, 1 to 3000 in 10 buckets" in told
    assert "and 4 more" in told
    assert exact["self_described"]["processes"] == {"gpu": {"PLAIN_FLAG": [0, 1, 3000, 10]}}
    assert exact["self_described"] == exact["metadata"]["self_described"]
