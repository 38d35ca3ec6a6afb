"""What is collected: every doctype of which a ping was stored, every probe, for how long, and of how many."""

import asyncio
import html
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import orjson
import pytest
import pytest_asyncio

from storage.data_root import DataRoot
from telemetry_server.convert.rules.rules_file import parse_rules
from telemetry_server.fuel.documents.doctypes import Doctype
from telemetry_server.probes.stores import parse_stores
from telemetry_server.reports.public_access import PublicAccess
from telemetry_server.reports.queries.setup import FuelDatabases
from tests.aggregates.pings import REVISION, SPEC, Aggregates, Main, exp, filled
from tests.reports.reports_server import running_reports, with_access
from tests.support.data_root import World, submitted

pytestmark = pytest.mark.asyncio(loop_scope="module")

RULES = """
[[rule]]
name = "coarse"
action = "coarsen"
arrival = "day"
version = "major"
reason = "the second is not needed"
[rule.when]
namespace = "shop"

[[rule]]
name = "no-search"
action = "drop"
fields = ["basket.words"]
[rule.when]
doctype = "order"
channel = "beta"
"""
SCHEMA = {
    "type": "object",
    "title": "An order",
    "description": "What was ordered, to keep the shelves full.",
    "required": ["basket"],
    "properties": {
        "basket": {
            "type": "object",
            "properties": {"words": {"type": "string"}, "items": {"type": "integer"}},
        },
        "id": {"type": "string", "format": "uuid"},
        "kind": {"enum": ["web", "shop"]},
        "at": {"$ref": "#/definitions/moment"},
    },
    "definitions": {"moment": {"type": "string", "format": "date-time"}},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    """Main pings of four clients, orders of a shop, and a kind that nothing describes."""
    folder = tmp_path_factory.mktemp("collected")
    schema = folder / "schemas/shop/order/order.1.schema.json"
    schema.parent.mkdir(parents=True)
    schema.write_bytes(orjson.dumps(SCHEMA))
    world = World(
        folder / "data",
        schemas_dir=folder / "schemas",
        rules=parse_rules(RULES),
        stores=parse_stores(b'[custom]\nstore = "ids-off"\nclient_id = "forbidden"\n'),
    )
    world.put_specs(REVISION, SPEC)
    pings = [Main(number, "ABCD"[number % 4], 20, parent=exp({1: 1}, 1)) for number in range(1, 9)]
    asyncio.run(filled(world, pings))
    custom = {"type": "custom", "version": 4, "application": {"name": "Firefox"}, "payload": {}}
    world.receive(
        [
            submitted(
                {"basket": {"items": 2}}, 90, path="/submit/shop/order/1/00000000-0000-4000-8000-00000000005a"
            ),
            submitted(
                {"x": 1}, 91, path=f"/submit/example/{HOSTILE_NAME}/1/00000000-0000-4000-8000-00000000005b"
            ),
            submitted(custom, 92),
        ]
    )
    asyncio.run(world.convert())
    Aggregates(world).update()
    return world


HOSTILE_NAME = "%3Cb%3Eodd%3C%2Fb%3E"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reports(world):
    async with running_reports(world.setup) as running:
        yield running


def words_of(page: str) -> str:
    """The text of a page, with single spaces."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", page))).strip()


async def found_of(reports, more: str = ""):
    return (await reports.get(f"/api/v1/collected{more}")).json()


async def test_every_doctype_that_has_stored_a_ping_is_named(reports):
    """With what describes it, who sends it, its store, and how exactly it is stored."""
    doctypes = {(each["namespace"], each["doctype"]): each for each in (await found_of(reports))["doctypes"]}

    assert set(doctypes) == {
        ("telemetry", "main"), ("telemetry", "custom"), ("shop", "order"), ("example", "<b>odd</b>")
    }  # fmt: skip
    order = doctypes["shop", "order"]
    assert order["description"] == "What was ordered, to keep the shelves full."
    assert (order["arrival"], order["version"]) == ("day", "major")
    assert [rule["name"] for rule in order["rules"]] == ["coarse", "no-search"]
    assert order["rules"][1]["conditions"] == ["channel"]
    main = doctypes["telemetry", "main"]
    assert (main["clients"], main["applications"], main["store"]) == (4, ["Firefox"], "main")
    assert main["description"].startswith("How a session of Firefox went")
    assert (main["arrival"], main["version"], main["rules"]) == ("exact", "whole", [])
    custom = doctypes["telemetry", "custom"]
    assert (custom["store"], custom["client_id"], custom["arrival"]) == ("ids-off", "forbidden", "day")
    assert not doctypes["example", "<b>odd</b>"]["is_registered"]


async def test_a_sample_shows_what_a_ping_looks_like(reports):
    """From the generator, or from the schema; after the rules; none where nothing says what it holds."""
    doctypes = {each["doctype"]: each["sample"] for each in (await found_of(reports))["doctypes"]}

    assert doctypes["main"]["made_of"] == "generator"
    assert doctypes["main"]["ping"]["type"] == "main"
    assert set(doctypes["main"]["ping"]["payload"]["histograms"]) <= set(SPEC)
    order = doctypes["order"]
    assert order["made_of"] == "schema"
    assert order["ping"]["kind"] == "web"
    assert order["ping"]["at"] == "2026-11-27T14:33:05.000Z"
    assert order["ping"]["basket"] == {"words": "text", "items": 1}
    assert doctypes["<b>odd</b>"] is None


async def test_every_probe_is_named_with_its_definition(reports):
    """Found by name or description; as CSV, too."""
    found = await found_of(reports)
    probes = {each["name"]: each for each in found["items"]}

    assert set(SPEC) == set(probes)
    assert probes["EXP"]["description"] == SPEC["EXP"]["description"]
    assert (probes["EXP"]["expires"], probes["EXP"]["clients"]) == ("never", 4)
    assert probes["LIN"]["clients"] == 0
    assert [each["name"] for each in (await found_of(reports, "?q=a%20time"))["items"]] == ["EXP"]
    csv = (await reports.get("/api/v1/collected?format=csv&limit=1")).text.splitlines()
    assert csv[0].startswith("name,kind,application,description")
    assert len(csv) == 2
    first = await found_of(reports, "?limit=3")
    second = await found_of(reports, f"?limit=3&cursor={first['next_cursor']}")
    assert [each["name"] for each in first["items"] + second["items"]] == sorted(SPEC)[:6]


async def test_the_page_shows_the_same(reports):
    """Retention, doctypes, probes; names of clients are text."""
    answer = await reports.get("/collected")
    page, words = answer.text, words_of(answer.text)

    assert answer.status == 200
    assert "<b>odd" not in page
    assert "example / <b>odd</b>" in words
    assert "Pings as they were received 30 days, and until they are converted" in words
    assert "Records: pings as they are stored, and tables of them for ever" in words
    assert "Everything of a client that asks for deletion at most 7 days after its request" in words
    assert "What was ordered, to keep the shelves full." in words
    assert "stores less exactly: time of arrival to the day, versions up to the first dot" in words
    assert "removes basket.words , for some pings (by channel)" in words
    assert "What would my ping look like?" in words
    assert "no data" not in words
    assert "style=" not in page
    shop = words_of((await reports.get("/collected?application=shop")).text)
    assert "What was ordered" in shop
    assert "telemetry / main" not in shop
    moved = await reports.get("/collected?q=x&format=csv")
    assert moved.headers["Location"] == "/api/v1/collected?q=x&format=csv"
    assert (await reports.get("/collected?odd=1")).status == 400


async def test_the_public_sees_no_small_number(world, tmp_path):
    """By default everyone who is not signed in gets 10 for `suppress_below`."""
    shutil.copytree(world.root.path, tmp_path / "open")
    setup = replace(world.setup, root=DataRoot(tmp_path / "open"), specs=tmp_path / "open/specs")
    _, tokens = with_access(setup.root)
    public = PublicAccess(("/collected", "/api/v1/collected"))
    async with running_reports(setup, tokens=tokens, public=public, public_suppress_below=10) as reports:
        found = (await reports.get("/api/v1/collected")).json()
        page = await reports.get("/collected")
        signed_in = (await reports.get("/api/v1/collected", headers=reports.bearer("viewer"))).json()

    assert page.status == 200
    assert "fewer than 10" in words_of(page.text)
    assert {each["clients"] for each in found["doctypes"]} == {None}
    assert {each["clients"] for each in found["items"]} == {None, 0}
    assert {each["clients"] for each in signed_in["items"]} == {4, 0}


async def test_the_documents_of_fuel_are_named_where_it_is_on(world, tmp_path):
    """Each that has a schema."""
    urls = FuelDatabases(f"sqlite:///{tmp_path / 'fuel.sqlite'}", f"sqlite:///{tmp_path / 'facts.sqlite'}")
    async with running_reports(world.setup, fuel=urls) as reports:
        named = [each["doctype"] for each in (await found_of(reports))["fuel"]]
        page = words_of((await reports.get("/collected")).text)

    assert sorted(named) == sorted(Doctype)
    assert "Documents of Fuel installations" in page


class Links(HTMLParser):
    """Collects what a page loads, and the elements that it does not close."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loaded += [value for name, value in attributes if name in ("src", "href")]


async def test_the_command_writes_a_page_that_needs_no_server(world, command, tmp_path):
    """One file and its style; nothing is loaded from elsewhere, and every probe is in it."""
    folder = tmp_path / "out"
    said, _ = command("collected", "--data", str(world.root.path), "--output", str(folder))
    text = (folder / "index.html").read_text()
    page = Links()
    page.feed(text)

    assert said.split() == [str(folder / "index.html"), str(folder / "reports.css")]
    assert page.loaded == ["reports.css"]
    assert not {"script", "form"} & set(page.tags)
    assert all(name in text for name in SPEC)
    assert "telemetry / main" in words_of(text)
    assert "fewer than 10" in words_of(text)
    command("collected", "--data", str(world.root.path), "--output", str(folder / "index.html"), status=2)
    command("collected", "--data", str(tmp_path / "none"), "--output", str(folder), status=78)
