"""The OpenAPI document against the running reports: schemathesis asks, answers must fit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry_server.composition.reports import site
from telemetry_server.demo.temporary_server import free_port
from tests.reports.test_serve import answered, bare_environment
from tests.support import forked_commands
from tests.support.data_root import World
from tests.support.sizes import IS_FULL, size
from tests.support.waiting import PATIENCE_SECONDS, wait_for

# A date of the right form need not be one, an id of the right form need not be known, and an empty
# parameter counts as absent.
EXCLUDED = "positive_data_acceptance,negative_data_rejection,unsupported_method"
FUEL = "^/api/v1/(fuel|json|csv|jobs)"


def document() -> dict:
    """The document of the routes."""
    from telemetry_server.reports.openapi import document as made

    return json.loads(made(site().routes, "1.2.3"))


def test_the_document_has_every_api_route_and_no_page():
    """So it cannot fall behind the code."""
    written = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}

    assert written == {(route.method, route.template) for route in site().routes if route.is_api}


def test_every_reference_of_the_document_leads_somewhere():
    """And every parameter has a schema of its own."""
    whole = document()
    text = json.dumps(whole)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert names <= set(whole["components"]["schemas"])
    for methods in whole["paths"].values():
        for operation in methods.values():
            assert all(parameter["schema"] for parameter in operation["parameters"])


@pytest.mark.slow
def test_schemathesis_finds_no_answer_that_the_document_does_not_have(filled, tmp_path):
    """No 500, no status that is not listed, no body that breaks its schema; Fuel's paths in the next test."""
    others = () if IS_FULL else ("--exclude-path-regex", FUEL)
    check_by_schemathesis(filled.root.path, tmp_path, *others)


@pytest.mark.slow
def test_schemathesis_finds_none_in_fuel_either(tmp_path):
    """The same where the collector has something: rows, files, reports and jobs."""
    from telemetry_server.fuel.analytics.analytics_database import ANALYTICS
    from telemetry_server.fuel.database.migrating import migrate
    from tests.fuel.analytics import opened_analytics
    from tests.fuel.fleet import generated_fleet, store

    root = World(tmp_path / "world").root
    urls = [f"sqlite:///{root.state / name}" for name in ("fuel.sqlite", "fuel-analytics.sqlite")]
    migrate(urls[0])
    migrate(urls[1], schema=ANALYTICS)
    store(urls[0], generated_fleet(1))
    with opened_analytics(*urls) as opened:
        opened.load()

    check_by_schemathesis(root.path, tmp_path, "--include-path-regex", FUEL)


def check_by_schemathesis(data: Path, folder: Path, *more: str) -> None:
    """Run the reports on *data*, and let schemathesis ask them."""
    port = free_port()
    log = (folder / "reports.log").open("wb")
    words = ["reports", "--data", str(data), "--port", str(port)]
    process = forked_commands.start(words, bare_environment(), log, log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answered(f"{url}/__lbheartbeat__") is not None)
        done = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/api/openapi.json"),
                *("--max-examples", str(size(2, 25)), "--seed", "1", "--exclude-checks", EXCLUDED),
                *("--phases", "examples,coverage,fuzzing", "--request-timeout", "30", *more),
            ],
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        log.close()

    assert done.returncode == 0, done.stdout[-6000:]
    assert b"answering a report" not in (folder / "reports.log").read_bytes()
