"""Rules of every page: one heading, a title, named landmarks, no inline style or script; small assets."""

import gzip
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from telemetry_server.terminal.client_text import shown
from tests.reports.reports_server import running_reports
from tests.support.data_root import SPEC, World, an_id

PAGES = (
    *("/", "/?last=1h", "/?last=7d", "/?last=30d", "/pings", "/pings?live=1", "/pings?outcome=quarantined"),
    *("/quarantine", "/quarantine?by=hour&reason=invalid_json", "/clients", "/clients?by=week&split=os"),
    *("/probes", "/probes?q=load&state=all", "/probes/LOAD_MS", "/probes/LOAD_MS?by=day", "/probes/NONE"),
    *("/drift", "/stores", "/stores?store=main", "/normandy", "/normandy/recipes/1", "/collected"),
    *("/sql", "/sql?sql=SELECT%201", "/sql?sql=DROP", "/search", "/search?q=load", "/users", "/nowhere"),
    *(f"/pings/{an_id(1)}", f"/pings/{an_id(1)}?body=1", f"/pings/{an_id(99)}", "/pings?foo=1"),
)
FIRST_VIEW_BYTES = 60_000
PROBES = 5_000
LANDMARKS = {"nav", "section", "form", "main", "header", "footer"}


class Seen(HTMLParser):
    """The parts of a page that rules are about."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: Counter[str] = Counter()
        self.ids: list[str] = []
        self.landmarks: list[tuple[str, str]] = []
        self.inline: list[str] = []
        self.lang = ""
        self.texts: dict[str, list[str]] = {"th": [], "title": []}
        self._within = ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.opened[tag] += 1
        self.lang = given.get("lang", "") if tag == "html" else self.lang
        self.ids += [given["id"]] if "id" in given else []
        named = given.get("aria-label") or given.get("aria-labelledby") or ""
        if tag in LANDMARKS or given.get("role") == "region":
            self.landmarks.append((given.get("role") or tag, named))
        self.inline += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        self.inline += [f"{tag} {name}" for name, value in given.items() if (value or "").startswith("data:")]
        self.inline += ["style"] if tag == "style" else []
        if tag in self.texts:
            self.texts[tag].append("")
            self._within = tag

    def handle_endtag(self, tag):
        self._within = "" if tag == self._within else self._within

    def handle_data(self, data):
        if self._within:
            self.texts[self._within][-1] += data


def broken_rules(text: str) -> list[str]:
    """Return the rules that a page breaks."""
    seen = Seen()
    seen.feed(text)
    broken = [f"inline: {each}" for each in seen.inline]
    if seen.opened["h1"] != 1:
        broken.append(f"{seen.opened['h1']} headings of the first level")
    if seen.lang != "en":
        broken.append("no language")
    if not re.fullmatch(r".+ · telemetry-server", seen.texts["title"][0]):
        broken.append(f"title {seen.texts['title']}")
    broken += ["an empty th" for each in seen.texts["th"] if not each.strip()]
    broken += [f"id {name} twice" for name, count in Counter(seen.ids).items() if count > 1]
    named = Counter(each for each in seen.landmarks if each[0] != "section" or each[1])
    return broken + [f"{each} twice" for each, count in named.items() if count > 1]


async def test_every_page_keeps_the_rules(setup):
    """Also the pages of errors, and those for unknown addresses and names."""
    broken = {}
    async with running_reports(setup) as reports:
        for target in PAGES:
            answer = await reports.get(target)
            assert answer.status < 500, target
            found = broken_rules(answer.text)
            if found:
                broken[target] = found

    assert not broken


async def test_the_first_view_is_small_and_its_assets_are_kept(setup):
    """Their names change with their content, so a browser asks for each once."""
    async with running_reports(setup) as reports:
        page = await reports.get("/")
        assets = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))
        size = len(gzip.compress(page.body))
        for asset in assets:
            answer = await reports.get(asset)
            size += len(gzip.compress(answer.body))
            assert answer.status == 200
            assert "max-age=31536000" in answer.headers["Cache-Control"]
            assert re.search(r"\.[0-9a-f]{10}\.", asset)

    assert len(assets) >= 3
    assert size < FIRST_VIEW_BYTES


@pytest.fixture
def many(tmp_path) -> World:
    """A data root with thousands of definitions; every tenth has expired."""
    world = World(tmp_path / "data")
    spec = {
        f"PROBE_{number:04}_MS": {**SPEC["LOAD_MS"], "expires_in_version": "never" if number % 10 else "12"}
        for number in range(PROBES)
    }
    world.put_specs(spec=spec)
    return world


async def test_probes_are_found_among_thousands(many):
    """By a part of the name in any case; the page counts all that match."""
    async with running_reports(many.setup) as reports:
        found = (await reports.get("/api/v1/probes?q=robe_123&limit=10000")).json()["items"]
        page = (await reports.get("/probes?q=robe_123&state=all")).text
        everything = (await reports.get("/api/v1/probes?limit=10000")).json()["items"]

    assert [item["name"] for item in found] == [f"PROBE_123{digit}_MS" for digit in range(10)]
    assert len(everything) == PROBES
    assert all(shown(item["name"]) in page for item in found)
