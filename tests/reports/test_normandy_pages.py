"""Uptake and studies as the API and the pages answer them."""

import json

import pytest

from tests.flow.test_normandy import world  # noqa: F401 - a fixture
from tests.reports.reports_server import running_reports


@pytest.fixture
async def reports(world):  # noqa: F811 - the fixture above
    async with running_reports(world.setup) as running:
        yield running


async def test_the_api_gives_what_the_command_gives(reports, world, command):  # noqa: F811
    """The same code answers both; CSV neutralises the names of studies."""
    for name in ("uptake", "recipes", "studies"):
        answer = (await reports.get(f"/api/v1/normandy/{name}?from=20261122&carrier=event")).json()
        words = ("--from", "20261122", "--carrier", "event", "--json", "--data", str(world.root.path))
        out, _ = command("normandy", name, *words)
        assert answer == json.loads(out)

    assert "'=tulips<b>" in (await reports.get("/api/v1/normandy/studies?format=csv")).text


async def test_the_pages_show_figures_and_neutralise_names(reports):
    """Study slugs are chosen by clients: markup is text."""
    overview = (await reports.get("/normandy")).text
    recipe = (await reports.get("/normandy/recipes/9")).text
    study = (await reports.get("/normandy/studies/tulips")).text
    odd = (await reports.get("/normandy/studies/%3Dtulips%3Cb%3E")).text

    assert "&lt;b&gt;" in overview
    assert "<b>" not in overview + recipe + study + odd
    assert "RECIPE_EXECUTION_ERROR: the recipe failed while it was executed" in recipe
    assert "25.0 %" in recipe
    assert "Age, s (median)" in recipe
    assert "recipe-not-seen" in study


@pytest.mark.parametrize("target", ["/normandy/recipes/8", "/normandy/studies/roses"])
async def test_a_recipe_or_study_without_reports_is_not_found(reports, target):
    """404."""
    assert (await reports.get(target)).status == 404


async def test_the_link_of_a_page_to_csv_works(reports):
    """``format=csv`` of a page leads to the API."""
    answer = await reports.get("/normandy?carrier=event&format=csv")

    assert (answer.status, answer.headers["Location"]) == (
        303,
        "/api/v1/normandy/uptake?carrier=event&format=csv",
    )
