"""The commands cat, explain, audit, replay and compact, as people and scripts use them."""

import json
from dataclasses import replace
from uuid import UUID

import pytest

from storage.integrity.audit import audit
from storage.ledger.ledger import Ledger
from storage.partitions.schema import OneOf, PartitionSchema
from telemetry_server.inspection import refused_names
from telemetry_server.inspection.explain import explain
from telemetry_server.inspection.histogram_count import histograms_kept
from tests.support.data_root import World, a_ping, an_id, submitted


@pytest.fixture
async def world(tmp_path):
    """Three stored pings, a duplicate with other bytes, a broken ping and one of an unknown revision."""
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


def test_cat_converted_prints_records_of_the_selected_partitions(look):
    """Dimension values are written as clients send them; * and ? are wildcards."""
    assert len(objects(look("cat", "converted"))) == 3
    assert [i for i, _ in objects(look("cat", "converted", "--where", "appVersion=31.0"))] == [an_id(2)]
    assert len(objects(look("cat", "converted", "--where", "appVersion=30.*", "--date", "20261122"))) == 2
    assert len(objects(look("cat", "converted", "--where", "reason=saved-session"))) == 3
    assert look("cat", "converted", "--date", "20261121") == ""


def test_cat_names_the_dimensions_when_one_is_unknown(world, command):
    """A misspelled name is an error, not an empty result."""
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
def test_cat_converted_filters_by_namespace_and_doctype_and_names_values_stored_as_other(
    garden, command, conditions, numbers, said
):
    words = [word for condition in conditions for word in ("--where", condition)]

    printed, talk = command("cat", "converted", "--data", str(garden.root.path), *words)

    assert {i for i, _ in objects(printed)} == {an_id(number) for number in numbers}
    assert all(words in talk for words in said)
    assert bool(talk) is bool(said)


async def test_cat_names_the_partition_of_records_from_an_earlier_schema(world, command):
    """The channel was OTHER in the earlier schema, and has its own folder in the later one."""
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
    assert "older records use --where appUpdateChannel=OTHER" in talk
    assert [i for i, _ in objects(command(*words, "appUpdateChannel=OTHER")[0])] == [an_id(30)]


def test_cat_raw_and_quarantine_filter_by_parts_of_the_submit_path(world, look):
    """Dimensions in the path can be used; an unknown name is an error."""
    world.receive(
        [submitted(a_ping(9), 9, path=f"/submit/telemetry/{an_id(9)}/main/Firefox/61.0/nightly/2018")]
    )

    assert [i for i, _ in objects(look("cat", "raw", "--where", "appName=Firefox"))] == [an_id(9)]
    assert len(objects(look("cat", "raw", "--where", "namespace=telemetry"))) == 7
    assert objects(look("cat", "raw", "--where", "appVersion=60.*")) == []
    look("cat", "quarantine", "--where", "bogus=1", status=2)


def test_cat_goes_on_after_a_damaged_file(world, command):
    """Intact lines are printed, the file is named, the exit status is 4."""
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
def test_a_removed_file_is_named_with_a_remedy(world, command, store, words):
    """All commands use the same words."""
    files = sorted((world.root.path / store).rglob("*.zst"))
    for path in files:
        path.unlink()
    _, talk = command(*words, "--data", str(world.root.path), status=70)

    assert any(f"{path.relative_to(world.root.path)}: committed bytes are missing" in talk for path in files)
    assert "put the file back, or run: telemetry-server repair --dry-run" in talk
    assert "FileNotFoundError" not in talk
    assert talk.count("\n") == 1


def test_audit_does_not_count_damage_in_raw_as_submissions(world, look):
    """Only intact records count as received, converted or not."""
    world.receive([submitted(a_ping(8), 8)])
    segment = max(world.root.raw.glob("*/*.tlg"), key=lambda path: path.stat().st_mtime_ns)
    data = bytearray(segment.read_bytes())
    data[data.index(an_id(8).encode()) + 200] ^= 1
    segment.write_bytes(data)

    assert json.loads(look("audit", "--json"))["total"]["received"] == 6


def test_audit_finds_damage_in_converted_segments(world, command):
    """The record is intact, but its submission in raw/ is damaged."""
    segment = min(world.root.raw.glob("*/*.tlg"))
    data = bytearray(segment.read_bytes())
    data[data.index(an_id(1).encode()) + 200] ^= 1
    segment.write_bytes(data)

    _, talk = command("audit", "--data", str(world.root.path), status=1)

    assert f"raw: 1 submissions damaged since they were converted, in {segment.parent.name}/" in talk


async def test_audit_balances_while_retention_removes_a_segment(world):
    """A segment is removed after audit listed it."""
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


def test_audit_counts_damage_in_imported_files(world, command, look, tmp_path):
    """A line without a TAB is damage, and does not affect other lines."""
    (tmp_path / "lines").write_bytes(b"no tab\n" + an_id(9).encode() + b'\t{"ver":2,"info":{}}\n')

    for _ in range(2):
        command("convert", str(tmp_path / "lines"), "--data", str(world.root.path), status=4)

    audit = json.loads(look("audit", "--json"))
    assert audit["damaged"] == {"records": 2, "bytes": 14}
    assert audit["balanced"]


def test_audit_counts_accepted_oddities(world, look):
    """Metadata sent by a client is discarded, and counted."""
    world.receive([submitted(a_ping(8, metadata={"geo": "here"}), 8)])

    assert json.loads(look("convert", "--json"))["notes"] == {"reserved_field": 1}
    assert json.loads(look("audit", "--json"))["notes"] == {"reserved_field": 1}
    assert "reserved_field" in look("audit")


@pytest.mark.parametrize("words", [("convert",), ("replay",), ("compact",)])
def test_a_data_root_that_is_a_file_is_a_one_line_error(command, tmp_path, words):
    """The setting is invalid."""
    (tmp_path / "file").touch()

    _, talk = command(*words, "--data", str(tmp_path / "file"), status=78)

    assert "--data" in talk


def test_cat_quarantine_prints_refused_submissions_and_dropped_histograms(look):
    """Both have the same fields, and a reason."""
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


def test_cat_raw_prints_every_submission_as_received(look):
    """Refused submissions and duplicates are printed too."""
    lines = objects(look("cat", "raw"))

    assert [document_id for document_id, _ in lines] == [an_id(n) for n in (0, 1, 2, 1, 4, 5)]
    assert all(line["reason"] is None and line["received_at"].endswith("Z") for _, line in lines)
    assert len(objects(look("cat", "raw", "--date", "20261121"))) == 0


def test_cat_raw_prints_the_clients_address_if_it_was_kept(world, look):
    """Operators who set the retention of raw/ must see what is in it."""
    world.receive([replace(submitted(a_ping(8), 8), client_address="192.0.2.0")])

    addresses = {document_id: line.get("client_address") for document_id, line in objects(look("cat", "raw"))}

    assert addresses.pop(an_id(8)) == "192.0.2.0"
    assert set(addresses.values()) == {None}


@pytest.mark.parametrize(
    ("number", "outcome", "reason"),
    [(0, "stored", None), (4, "quarantined", "invalid_json"), (5, "quarantined", "unknown_revision")],
)
def test_explain_prints_the_outcome(look, number, outcome, reason):
    """Every submitted id has an explanation."""
    answer = json.loads(look("explain", "--json", an_id(number)))

    assert (answer["document_id"], answer["outcome"], answer["reason"]) == (an_id(number), outcome, reason)
    assert answer["received_at"] == "2026-11-22T12:00:00.000000Z"


def test_explain_prints_how_many_histograms_were_kept(look):
    """Of a stored ping, besides the dropped ones."""
    answer = json.loads(look("explain", "--json", an_id(0)))

    assert (answer["kept_histograms"], len(answer["dropped_histograms"])) == (2, 1)
    assert "  kept             2 histograms\n  dropped          1 histogram\n" in look("explain", an_id(0))
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


async def test_explain_does_not_list_the_schema_check_for_a_version_without_schema(tmp_path):
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


def test_explain_of_an_invalid_id_points_to_the_quarantine(world, command):
    """Pings with an invalid id are quarantined without one."""
    _, talk = command("explain", an_id(1).replace("-", ""), "--data", str(world.root.path), status=2)

    assert "is not a document id" in talk
    assert "cat quarantine --where reason=invalid_document_id" in talk


def test_explain_lists_the_checks_up_to_the_failed_one(look):
    """In the order of conversion."""
    answer = json.loads(look("explain", "--json", an_id(4)))

    assert answer["checked"] == [
        {"check": "path", "passed": True},
        {"check": "body", "passed": True},
        {"check": "JSON", "passed": False},
    ]
    assert all(check["passed"] for check in json.loads(look("explain", "--json", an_id(0)))["checked"])


async def test_explain_of_a_pending_ping_names_its_revision(tmp_path):
    """It also prints the time of arrival and the location."""
    world = World(tmp_path, server="http://127.0.0.1:9")
    world.receive([submitted(a_ping(1), 1)])
    await world.convert()

    with Ledger.for_reading(world.root) as ledger:
        answer = explain(world.root, ledger, world.setup.resolver(), UUID(an_id(1)))

    assert (answer.outcome, answer.received_at) == ("pending", "2026-11-22T12:00:00.000000Z")
    assert answer.revision == "mozilla-central/rev/0123456789ab"
    assert answer.where.startswith("raw/20261122/")
    assert answer.namespace == "telemetry"


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/submit/garden/watering/1/{}", ("garden", "watering")),
        ("/submit/telemetry/{}/main/Firefox/30.0/release/20140301030202", ("telemetry", "main")),
        ("/submit/telemetry/{}", ("telemetry", None)),
        ("/submit/garden/{}", (None, None)),
    ],
)
async def test_explain_names_namespace_and_doctype_of_a_ping_that_was_not_stored(world, look, path, named):
    """The path says them, before and after the body was refused; another ping has the same reason."""

    def names() -> tuple[str | None, str | None]:
        answer = json.loads(look("explain", "--json", an_id(30).upper()))
        assert answer["outcome"] == outcome
        return answer["namespace"], answer["doctype"]

    world.receive(submitted(b"{broken", 30, path=path.format(an_id(30))) for _ in range(2))
    outcome = "pending"
    assert names() == named

    await world.convert()

    outcome = "quarantined"
    assert names() == named
    shown = look("explain", an_id(30))
    assert ("  namespace        " in shown, "  doctype          " in shown) == tuple(map(bool, named))


async def test_explain_reads_no_more_of_quarantine_than_its_limit(world, look, monkeypatch):
    """A day with very many refused pings must not keep a reader waiting."""
    monkeypatch.setattr(refused_names, "MAX_READ_BYTES", 10)

    answer = json.loads(look("explain", "--json", an_id(4)))

    assert (answer["outcome"], answer["reason"]) == ("quarantined", "invalid_json")
    assert (answer["namespace"], answer["doctype"]) == (None, None)


async def test_explain_of_a_ping_whose_quarantine_file_is_lost_says_the_rest(world, look):
    """The reason is in the ledger."""
    for file in (world.root.path / "quarantine").rglob("*"):
        if file.is_file():
            file.unlink()

    answer = json.loads(look("explain", "--json", an_id(4)))

    assert (answer["outcome"], answer["reason"]) == ("quarantined", "invalid_json")
    assert answer["namespace"] is None


def test_explain_names_dropped_histograms_and_duplicates(look):
    """All submissions under an id are listed; the case of the id does not matter."""
    answer = json.loads(look("explain", "--json", an_id(1).upper()))

    assert [(h["name"], h["reason"]) for h in answer["dropped_histograms"]] == [
        ("NOT_THERE", "unknown_histogram")
    ]
    assert [(other["outcome"], other["reason"]) for other in answer["others"]] == [("duplicate", "conflict")]
    assert answer["where"].endswith("/30.0a1/20140301030202")
    assert "stored" in look("explain", an_id(1))


def test_explain_of_an_unread_ping_is_pending(world, look):
    """It is in raw/, and the converter has not read it."""
    world.receive([submitted(a_ping(8), 8)])

    answer = json.loads(look("explain", "--json", an_id(8)))

    assert (answer["outcome"], answer["reason"]) == ("pending", "not read yet")


def test_explain_of_an_unknown_id_is_a_finding(look):
    """Exit status 1 and one line."""
    look("explain", an_id(77), status=1)
    look("explain", "not-an-id", status=2)


def test_audit_balances_and_counts_waiting_submissions(world, look):
    """Unread submissions are received and pending."""
    world.receive([submitted(a_ping(8), 8)])

    answer = json.loads(look("audit", "--json"))

    assert answer["balanced"] is True
    expected = {
        "received": 7,
        "stored": 3,
        "duplicate": 1,
        "conflict": 1,
        "quarantined": 2,
        "pending": 1,
        "deleted": 0,
    }
    assert answer["total"] == answer["days"]["20261122"] == expected


@pytest.mark.parametrize("store", ["converted", "quarantine"])
def test_audit_finds_a_missing_file(world, look, store):
    """Exit status 1 and the name of the file."""
    next(iter(sorted((world.root.path / store).rglob("*.zst")))).unlink()

    assert json.loads(look("audit", "--json", status=1))["findings"]
    assert "do NOT balance" in look("audit", status=1)


def test_audit_finds_a_missing_line(world, look):
    """A file with fewer records than committed is not in balance."""
    from storage.partitions.frames import compress_frame

    path = next(iter(sorted(world.root.converted.rglob("*.zst"))))
    size = path.stat().st_size
    path.write_bytes(compress_frame(b"x\t{}\n").ljust(size, b"\0"))

    assert json.loads(look("audit", "--json", status=1))["balanced"] is False


def test_replay_can_be_tried_with_dry_run_first(world, look):
    """--dry-run changes nothing; then the definitions arrive and the ping is stored."""
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
def test_replay_rejects_reasons_of_stored_pings(world, command, reason):
    """Conflicts and dropped histograms are in quarantine too, but cannot be stored."""
    _, talk = command("replay", "--reason", reason, "--data", str(world.root.path), status=2)

    (line,) = talk.splitlines()
    assert "is stored" in line
    assert f"cat quarantine --where reason={reason}" in line


def test_compact_merges_days_that_are_over(world, look):
    """Today is not merged, because it is still written."""
    from datetime import UTC, datetime

    merged = json.loads(look("compact", "--json"))

    assert isinstance(merged, list)
    today = datetime.now(UTC).strftime("%Y%m%d")
    look("compact", "--date", today, status=2)
    look("audit")


@pytest.mark.parametrize("words", [("cat", "converted"), ("audit",), ("explain", an_id(1))])
def test_a_missing_data_root_is_a_one_line_error(command, tmp_path, words):
    """What is wrong, where, and what to do."""
    _, talk = command(*words, "--data", str(tmp_path / "nowhere"), status=78)

    assert "nowhere" in talk
    assert "--data" in talk


async def test_a_dropped_histogram_is_printed_with_all_its_digits(world, look):
    """A count beyond 64 bits drops its histogram, but quarantine keeps the number."""
    ping = a_ping(7)
    ping["histograms"]["PLAIN_FLAG"]["values"]["0"] = 2**64
    world.receive([submitted(json.dumps(ping).encode(), 7)])
    await world.convert()

    printed = objects(look("cat", "quarantine", "--where", "reason=invalid_count"))
    assert [(i, fields["body"]["values"]["0"]) for i, fields in printed] == [(an_id(7), 2**64)]


async def test_explain_lists_self_described_histograms(tmp_path, command):
    """As in the record; control characters are escaped, and a long list is shortened."""
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

    answer = command(*words)[0]
    exact = json.loads(command(*words, "--json")[0])

    assert "24 histograms were packed with their own definitions" in answer
    assert "    PLAIN_FLAG: flag, 1 to 2 in 3 buckets\n" in answer
    assert r"    EVIL\x1b[31m: exponential, 1 to 3000 in 10 buckets" in answer
    assert "and 4 more" in answer
    assert exact["self_described"]["processes"] == {"gpu": {"PLAIN_FLAG": [0, 1, 3000, 10]}}
    assert exact["self_described"] == exact["metadata"]["self_described"]
