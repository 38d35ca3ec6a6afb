"""Pages of probes, clients and the search: one source of numbers, addresses that hold the view, sentences."""

import html
import re
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
import pytest_asyncio

from tests.reports.probe_world import BUILDS, CHANGED, EXPERIMENT, HOSTILE, WITHOUT, probe_world
from tests.reports.reports_server import PASSWORD, running_reports, with_access
from tests.support.data_root import World

PROBE = "/probes/GC_MS"
ROW = re.compile(r'<tr data-group="([^"]*)"[^>]*>(.*?)</tr>', re.DOTALL)
CELL = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    """Builds, versions, channels, keys, an experiment, a definition that changed."""
    return probe_world(tmp_path_factory.mktemp("probes"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reports(world):
    """One server for all tests here; they only read."""
    async with running_reports(world.setup) as running:
        yield running


def text_of(markup: str) -> str:
    """The text of markup."""
    return html.unescape(re.sub(r"<[^>]*>", "", markup)).strip()


def words_of(page: str) -> str:
    """The text of a page, with single spaces."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", page))).strip()


def table(page: str, name: str) -> dict[str, list[str]]:
    """The rows of the table of a chart, by their group."""
    found = re.search(rf'<table id="{name}-numbers">(.*?)</table>', page, re.DOTALL)[1]
    return {
        html.unescape(group): [text_of(cell) for cell in CELL.findall(row)]
        for group, row in ROW.findall(found.partition("<tbody>")[2])
    }


def heads(page: str, name: str) -> list[str]:
    """The heads of the same table."""
    found = re.search(rf'<table id="{name}-numbers">(.*?)</thead>', page, re.DOTALL)[1]
    return [text_of(cell) for cell in re.findall(r"<th [^>]*>(.*?)</th>", found)]


def link(page: str, chart: str, words: str) -> str:
    """The address of a chart's CSV or JSON link."""
    after = page[page.index(f'id="{chart}"') :]
    return html.unescape(re.search(rf'<a href="([^"]*)">{words}<', after)[1])


async def test_charts_tables_json_and_csv_hold_the_same_numbers(reports):
    """Of the evolution, and of both distributions."""
    page = (await reports.get(PROBE)).text
    evolution = (await reports.get(link(page, "evolution", "JSON"))).json()
    rows, names = table(page, "evolution"), heads(page, "evolution")
    for row in evolution["rows"]:
        cells = dict(zip(names, rows[row["group"]], strict=True))
        assert cells["Samples"] == f"{row['samples']:,}"
        assert (cells["Histograms"], cells["Pings"], cells["Clients"]) == (
            *(str(row[name]) for name in ("instances", "pings", "clients")),
        )
        assert float(cells["p50"].replace(",", "")) == pytest.approx(
            row["percentiles"][2]["estimate"], rel=1e-4
        )
    for weight in ("samples", "clients"):
        (whole,) = (await reports.get(link(page, f"by-{weight}", "JSON"))).json()["rows"]
        csv = (await reports.get(link(page, f"by-{weight}", "CSV"))).text.splitlines()[1:]
        shown = [cells[1].replace(",", "") for cells in table(page, f"by-{weight}").values()]
        assert [float(each) for each in shown] == pytest.approx(whole["counts"], rel=1e-4)
        assert [float(line.split(",")[3]) for line in csv] == pytest.approx(whole["counts"])
    assert len(csv) == len(shown)


async def test_the_counts_are_those_of_all_groups_together(reports):
    """Clients of several builds are counted once."""
    page = (await reports.get(PROBE)).text
    one = (await reports.get(f"{PROBE}?at={BUILDS[-1]}")).text

    assert "1,700 samples in 40 histograms of 20 pings from 4 clients" in words_of(page)
    assert "340 samples in 8 histograms of 4 pings from 4 clients" in words_of(one)
    assert f"of build {BUILDS[-1]}" in words_of(one)


async def test_a_build_without_data_is_a_gap_and_never_zero(reports):
    """It has its place along x, and says so."""
    page = (await reports.get(PROBE)).text
    rows = table(page, "evolution")

    assert list(reversed(rows)) == BUILDS
    assert set(rows[WITHOUT][1:]) == {"no data"}
    assert "3 builds without data" in words_of(page)


async def test_a_change_of_the_definition_is_marked_at_its_build(reports):
    """Once, with what changed; the earlier samples can be added."""
    page = (await reports.get(PROBE)).text
    added = (await reports.get(f"{PROBE}?merge=coarsen")).text

    assert page.count('<line class="change"') == 1
    assert f"A Build {CHANGED}: the definition changed, high 1,000 → 3,000." in words_of(page)
    assert "680 more samples, in other buckets. Add what can be added" in words_of(page)
    assert "2,380 samples" in words_of(added)
    assert words_of(added).count("no data") < words_of(page).count("no data")


async def test_the_definition_has_its_text_and_line(reports):
    """Of each revision, with a link to the source."""
    page = (await reports.get(PROBE)).text
    one = (await reports.get("/api/v1/probes/GC_MS")).json()

    assert "builds 20261110 to 20261111" in words_of(page)
    assert '"high":3000' in html.unescape(page)
    assert "toolkit/components/telemetry/Histograms.json, line 1" in words_of(page)
    assert [each["source"]["line"] for each in one["definitions"]] == [1, 1]
    assert one["definitions"][0]["definition"]["description"] == "Time of a collection, in ms"


async def test_both_weightings_have_one_scale(reports):
    """So that heights can be compared."""
    page = (await reports.get(PROBE)).text
    axes = re.findall(r'<svg class="axis"[^>]*>(.*?)</svg>', page)

    assert len(axes) == 3
    assert axes[1] == axes[2]


async def test_a_comparison_changes_ticks_columns_and_key(reports):
    """All at once, by version, build or branch."""
    for query in ("version=43&compare=42", f"compare={BUILDS[-1]}", f"experiment={EXPERIMENT}&compare=red"):
        page = (await reports.get(f"{PROBE}?{query}")).text
        name = query.rpartition("=")[2]
        assert f"compared with {name}" in words_of(page)
        assert f"Samples of {name}" in heads(page, "by-samples")
        assert '<rect class="s2"' in page
    assert '<rect class="s2" x' not in (await reports.get(PROBE)).text


async def test_branches_have_an_interval_and_counts(reports):
    """Of each the mean with its interval, drawn on one scale."""
    page = (await reports.get(f"{PROBE}?experiment={EXPERIMENT}")).text
    api = (await reports.get(f"/api/v1/histogram?metric=GC_MS&by=branch&experiment={EXPERIMENT}")).json()

    for row in api["rows"]:
        assert f"{row['group']} {row['samples']} {row['pings']} {row['clients']}" in words_of(page)
    assert "95% interval by a bootstrap of clients" in words_of(page)
    assert "branch control of experiment tulips" in words_of(page)


VIEWS = {
    "by": "day",
    "channel": "nightly",
    "version": "43",
    "compare": "42",
    "application": "Firefox",
    "doctype": "main",
    "os": "Linux",
    "os_version": "6.1",
    "architecture": "x86-64",
    "process": "parent",
    "experiment": EXPERIMENT,
    "from": "20261101",
    "to": "20261130",
    "weight": "clients",
    "percentiles": "50,99.9",
    "scale": "linear",
    "at": BUILDS[-1],
    "merge": "coarsen",
}
OF_THE_PAGE = {"scale", "at", "compare"}


@pytest.mark.parametrize("name", VIEWS)
async def test_each_parameter_is_in_the_form_the_links_and_the_json(name, reports):
    """By the same name."""
    value = VIEWS[name]
    page = (await reports.get(f"{PROBE}?{name}={quote(value)}")).text
    form = re.search(r'<form class="filters" method="get" action="/probes(.*?)</form>', page, re.DOTALL)[1]
    field = re.search(rf'<(?:select id="f-{name}".*?</select>|input id="f-{name}"[^>]*>)', form, re.DOTALL)[0]
    links = [
        html.unescape(each)
        for each in re.findall(r'href="(/probes/GC_MS\?[^"]*)"', page)
        if "/pings" not in each
    ]
    json = [html.unescape(each) for each in re.findall(r'href="(/api/v1/histogram\?[^"]*)">JSON', page)]

    shown = value if name not in ("from", "to") else value.replace("-", "")
    assert f'value="{shown}" selected' in field or f'value="{shown}"' in field.partition(">")[0]
    pairs = [dict(parse_qsl(urlsplit(each).query)) for each in links]
    assert any(each.get(name) == value for each in pairs) or not links
    if name not in OF_THE_PAGE:
        assert json
        assert all(dict(parse_qsl(urlsplit(each).query)).get(name, value) == value for each in json)


BAD = [
    (f"{PROBE}?from=tomorrow", "from: not valid; expected is a day like"),
    (f"{PROBE}?by=week", "by: input should be"),
    (f"{PROBE}?foo=1", "foo: unknown; known are"),
    (f"{PROBE}?at=newest", "at: not a build like 20261127"),
    (f"{PROBE}?compare=nightly", "compare: not a version like 155"),
    (f"{PROBE}?percentiles=101", "percentiles: not at most"),
    ("/probes?state=old", "state: input should be"),
    ("/clients?by=hour", "by: input should be"),
    ("/search?p=1", "p: unknown; known are q"),
]


@pytest.mark.parametrize(("target", "sentence"), BAD)
async def test_a_bad_parameter_is_400_and_a_sentence(target, sentence, reports):
    """It names the parameter."""
    answer = await reports.get(target)

    assert answer.status == 400
    assert sentence in words_of(answer.text)


async def test_two_forms_of_a_day_are_the_same_view(reports):
    """With hyphens and without."""
    pages = [(await reports.get(f"{PROBE}?from={day}")).text for day in ("2026-11-17", "20261117")]

    assert pages[0] == pages[1]


EMPTY = [
    ("version=99", "Version 99 has not sent GC_MS. Versions that have:", "42"),
    ("version=99&channel=nightly", "Version 99 on nightly has not sent GC_MS.", "43"),
    (
        "os=Haiku",
        "No data for these filters. Without “System: Haiku” there are 1,700 samples.",
        "Remove that filter",
    ),
    ("to=20200101", "Of all builds there are 1,700 samples.", "Show all builds"),
    (f"at={WITHOUT}", f"No data of the build {WITHOUT}.", "Show all builds"),
    ("experiment=roses", "No ping of the experiment roses has sent it.", "Show it without the experiment"),
    ("experiment=tulips&at=blue", "experiment tulips in the branch blue", "Show it without the experiment"),
]


@pytest.mark.parametrize(("query", "sentence", "words"), EMPTY)
async def test_where_there_is_nothing_a_sentence_says_why_and_a_link_leads_to_data(
    query, sentence, words, reports
):
    """Each reason has its own."""
    page = (await reports.get(f"{PROBE}?{query}")).text
    section = re.search(r'<h2 id="empty">No data</h2>(.*?)</section>', page, re.DOTALL)[1]
    target = html.unescape(re.search(rf'<a href="([^"]*)">{words}</a>', section)[1])

    assert sentence in words_of(section)
    assert "samples in" in words_of((await reports.get(target)).text)


async def test_a_defined_probe_that_no_ping_has_says_so(reports):
    """And an unknown one is 404, with the nearest names."""
    unsent, unknown = await reports.get("/probes/LIN"), await reports.get("/probes/GC_MSS")

    assert "No ping has sent LIN." in words_of(unsent.text)
    assert unknown.status == 404
    assert "No probe is named GC_MSS. The nearest names: GC_MS" in words_of(unknown.text)


async def test_few_clients_are_suppressed_and_counted(world):
    """Their values are offered by no filter, either."""
    from dataclasses import replace

    from tests.reports import reports_server

    original = reports_server.QuerySetup

    def limited(*arguments, **more):
        return replace(original(*arguments, **more), suppress_below=4)

    reports_server.QuerySetup = limited  # type: ignore[assignment, misc]
    try:
        async with running_reports(world.setup) as reports:
            page = (await reports.get(f"{PROBE}?channel=beta")).text
            whole = (await reports.get(PROBE)).text
            clients = (await reports.get("/clients")).text
            listed = (await reports.get("/probes?q=EXP")).text
    finally:
        reports_server.QuerySetup = original  # type: ignore[misc]

    assert "groups with fewer than 4 clients (" in words_of(page)
    assert "beta" not in whole
    assert "values to filter by have fewer than 4 clients" in words_of(whole)
    assert "beta" not in clients
    assert "fewer than 4 clients, or never sent" in words_of(listed)


async def test_every_number_leads_to_the_pings_behind_it(reports):
    """As many as the number of pings says: of all, of a build, of a bucket."""
    page = (await reports.get(f"{PROBE}?channel=nightly")).text
    whole = html.unescape(re.search(r'<b><a href="(/probes/GC_MS/pings[^"]*)">', page)[1])
    by_build = html.unescape(
        re.search(rf'data-group="{BUILDS[-1]}".*?href="(/probes/GC_MS/pings[^"]*)"', page, re.DOTALL)[1]
    )
    distribution = table(page, "by-samples")
    behind = [(await reports.get(f"/api/v1{target}")).json()["items"] for target in (whole, by_build)]
    shown = await reports.get(by_build)

    assert [len(items) for items in behind] == [15, 3]
    assert len({item["document_id"] for item in behind[0]}) == 15
    assert all(item["document_id"] in shown.text for item in behind[1])
    assert distribution["3000+"][1] != "0"
    bucket = html.unescape(
        re.search(r'data-group="3000\+".*?href="(/probes/GC_MS/pings[^"]*)"', page, re.DOTALL)[1]
    )
    assert 0 < len((await reports.get(f"/api/v1{bucket}")).json()["items"]) < 15


async def test_the_pings_behind_a_number_come_in_pages(reports):
    """The newest first, each once."""
    target = "/api/v1/probes/GC_MS/pings?limit=7"
    seen, cursor = [], ""
    while cursor is not None:
        page = (await reports.get(target + (f"&cursor={cursor}" if cursor else ""))).json()
        seen += page["items"]
        cursor = page["next_cursor"]

    assert len(seen) == len({item["document_id"] for item in seen}) == 20
    assert [item["received_at"] for item in seen] == sorted(
        (item["received_at"] for item in seen), reverse=True
    )


async def test_a_viewer_sees_numbers_and_no_links_to_pings(world, tmp_path):
    """The page of the pings is for analysts, and what they read is logged."""
    import shutil
    from dataclasses import replace
    from pathlib import Path

    from storage.data_root import DataRoot

    folder = tmp_path / "guarded"
    shutil.copytree(world.root.path, folder)
    setup = replace(world.setup, root=DataRoot(folder), specs=Path(folder / "specs"))
    _, tokens = with_access(setup.root)
    async with running_reports(setup, tokens=tokens) as reports:
        viewer = (await reports.get(PROBE, headers=reports.bearer("viewer"))).text
        analyst = (await reports.get(PROBE, headers=reports.bearer("analyst"))).text
        cookie = (await reports.sign_in("a-viewer", PASSWORD)).cookie
        refused = await reports.get(f"{PROBE}/pings", headers=cookie)

    assert "/pings?" not in viewer
    assert "/probes/GC_MS/pings" in analyst
    assert refused.status == 403
    assert "This page is for analysts. You are signed in as a-viewer (viewer)." in refused.text


async def test_the_public_sees_numbers_of_what_is_not_hidden(world, tmp_path):
    """Without links to pings, and without the other pages."""
    import shutil
    from dataclasses import replace
    from pathlib import Path

    from storage.data_root import DataRoot
    from telemetry_server.reports.public_access import PublicAccess

    folder = tmp_path / "guarded"
    shutil.copytree(world.root.path, folder)
    setup = replace(world.setup, root=DataRoot(folder), specs=Path(folder / "specs"))
    with_access(setup.root)
    public = PublicAccess(("/api/v1/histogram", "/api/v1/clients", "/clients", "/probes"))
    async with running_reports(setup, public=public, aggregates_hidden=("CAT",)) as reports:
        listed, one, hidden, pings, clients = (
            await reports.get("/probes"),
            await reports.get(PROBE),
            await reports.get("/probes/CAT"),
            await reports.get(f"{PROBE}/pings"),
            await reports.get("/clients"),
        )

    assert [listed.status, one.status, hidden.status, pings.status, clients.status] == [
        200,
        200,
        404,
        303,
        200,
    ]
    assert "CAT" not in words_of(listed.text).split()
    assert "1,700 samples" in words_of(one.text)
    assert "/pings" not in one.text + listed.text + clients.text


async def test_probes_are_found_by_a_part_of_their_name_in_any_case(reports):
    """Expired ones are counted; what pings have and nothing defines is listed."""
    page = (await reports.get("/probes?q=_ms")).text
    every = (await reports.get("/api/v1/probes?q=_ms&state=all")).json()["items"]

    assert "GC_MS" in page and "LABELLED_MS" in page and "OLD_MS" not in page
    assert "1 expired probe matches, too. Show it" in words_of(page)
    assert [item["name"] for item in every] == ["GC_MS", "LABELLED_MS", "OLD_MS"]
    assert [item["is_expired"] for item in every] == [False, False, True]


async def test_the_list_of_probes_counts_and_sorts(reports):
    """By samples of the newest seven days, as the API says, too."""
    first = (await reports.get("/api/v1/probes?sort=samples&limit=2")).json()
    rest = (await reports.get(f"/api/v1/probes?sort=samples&limit=100&cursor={first['next_cursor']}")).json()
    by_day = (await reports.get("/api/v1/histogram?metric=GC_MS&by=day&total=1&from=20261114")).json()
    samples = [item["samples"] for item in (*first["items"], *rest["items"])]

    assert first["items"][0]["name"] == "GC_MS"
    assert first["items"][0]["samples"] == by_day["rows"][0]["samples"] + by_day["other_shapes"][0]["samples"]
    assert first["items"][0]["clients"] == by_day["rows"][0]["clients"]
    assert samples == sorted(samples, reverse=True)


async def test_a_keyed_probe_lists_its_keys(reports):
    """With samples; one of them leads to its distribution."""
    page = (await reports.get("/probes/LABELLED_MS")).text
    one = (await reports.get("/probes/LABELLED_MS?label=alpha")).text

    assert "alpha 96" in words_of(page)
    assert "96 samples in 32 histograms of 32 pings" in words_of(one)


@pytest.mark.parametrize("name", ["CAT", "ENUM4", "BOOL"])
async def test_categories_are_shares_without_percentiles(name, reports):
    """The largest first where they have no order; no percentile is made up."""
    page = (await reports.get(f"/probes/{name}")).text

    assert '<h2 id="percentiles">' not in page
    assert "100%" in re.findall(r'<svg class="axis"[^>]*>(.*?)</svg>', page)[0]
    if name == "CAT":
        counts = [float(cells[1].replace(",", "")) for cells in table(page, "by-samples").values()]
        assert counts == sorted(counts, reverse=True)


async def test_clients_are_counted_by_period_and_by_what_they_have(reports):
    """As the API counts them."""
    page = (await reports.get("/clients?split=channel")).text
    week = (await reports.get("/clients?by=week")).text
    api = (await reports.get(link(page, "clients", "JSON"))).json()["rows"]

    assert "5 distinct clients sent 33 pings" in words_of(page)
    rows = table(page, "clients")
    assert [rows[row["day"]][1:] for row in api] == [[str(row["clients"]), str(row["pings"])] for row in api]
    assert heads(page, "adoption")[1] == "nightly"
    assert list(table(week, "clients")) == ["20261116", "20261109"]


SEARCHES = [
    ("GC_MS", "/probes/GC_MS"),
    ("gc_ms", "/probes/GC_MS"),
    ("00000000-0000-4000-8000-000000000001", "/pings/00000000-0000-4000-8000-000000000001"),
]


@pytest.mark.parametrize(("q", "where"), SEARCHES)
async def test_an_exact_name_or_id_leads_to_its_page(q, where, reports):
    """At once."""
    answer = await reports.get(f"/search?q={q}")

    assert (answer.status, answer.headers["Location"]) == (303, where)


async def test_a_part_of_a_name_or_id_lists_what_has_it(reports):
    """Probes and pings."""
    probes = words_of((await reports.get("/search?q=ms")).text)
    pings = words_of((await reports.get("/search?q=00000000-0000")).text)
    nothing = words_of((await reports.get("/search?q=tulipomania")).text)

    assert "Probes (3)" in probes and "GC_MS histogram" in probes
    assert pings.count("00000000-0000-4000-8000-") == 20
    assert "Nothing is named like this" in nothing


async def test_text_of_clients_is_text_everywhere(reports):
    """Markup and signs that reorder text are shown, and do nothing."""
    path = f"/probes/{quote(HOSTILE, safe='')}"
    pages = [
        (await reports.get(target)).text
        for target in (
            *(path, "/collected", "/drift", "/stores?store=main"),
            *("/probes?state=all", "/clients?split=channel", f"/search?q={quote(HOSTILE)}", "/search?q=img"),
            *(f"{PROBE}?channel={quote(HOSTILE)}&compare=42", f"/probes/LABELLED_MS?label={quote(HOSTILE)}"),
            *(f"{PROBE}?experiment={quote(HOSTILE)}", f"/probes/EXP/pings?channel={quote(HOSTILE)}"),
        )
    ]

    for page in pages:
        assert "<img" not in page
        visible = re.sub(r'="[^"]*"', "", page)
        assert "\u202e" not in visible
        assert not re.search(r'<style|style=|\son[a-z]+=\s*"|data:', re.sub(r"&lt;.*?&gt;", "", page))
    assert "\\u202e" in pages[0]


async def test_the_theme_is_kept_in_a_cookie(reports):
    """The page has it from the first byte on; it goes back to where it was chosen."""
    referer = {"Referer": f"{reports.url}/probes?q=gc"}
    chosen = await reports.get("/theme?theme=dark", headers=referer)
    foreign = await reports.get("/theme?theme=dark", headers={"Referer": "https://other.example/x"})
    page = (await reports.get("/probes", headers=chosen.cookie)).text

    assert chosen.headers["Location"] == "/probes?q=gc"
    assert foreign.headers["Location"] == "/"
    assert '<html lang="en" data-theme="dark">' in page
    assert "Theme: dark" in page
