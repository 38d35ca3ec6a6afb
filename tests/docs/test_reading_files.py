"""docs/reading-files.md: its examples in Python read files that a conversion wrote."""

import json
import re
from pathlib import Path

import pytest

from tests.support.data_root import World, an_id, submitted

PAGE = (Path(__file__).resolve().parents[2] / "docs/reading-files.md").read_text(encoding="utf-8")
PINGS = [("roses", 3.5), ("beans", 10), ("roses", 1.5)]
BEDS = [("beans", 10.0), ("roses", 5.0)]


def examples(heading: str) -> list[str]:
    """The Python examples of a section."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def data(tmp_path, monkeypatch, command) -> Path:
    """The folder `data` of the examples: one record file with a frame for each ping."""
    schema = tmp_path / "schemas/garden/watering/watering.1.schema.json"
    schema.parent.mkdir(parents=True)
    schema.write_text('{"type": "object"}')
    world = World(tmp_path / "data")
    for number, (bed, litres) in enumerate(PINGS):
        ping = {"bed": bed, "litres": litres, "app_version": "1.0", "app_channel": "release"}
        world.receive([submitted(ping, number, path=f"/submit/garden/watering/1/{an_id(number)}")])
        monkeypatch.setenv("TELEMETRY_SCHEMAS_DIR", str(tmp_path / "schemas"))
        command("convert", "--data", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("heading", "libraries"),
    [("DuckDB", ["duckdb"]), ("Polars", ["polars"]), ("pandas", ["pandas", "zstandard"])],
)
def test_an_example_reads_every_frame_of_a_record_file(heading, libraries, data):
    for library in libraries:
        pytest.importorskip(library)
    [example] = examples(heading)
    found: dict[str, object] = {}

    exec(example, found)

    assert json.loads(json.dumps(found["beds"])) == json.loads(json.dumps(BEDS))


def test_the_parquet_example_counts_the_pings_three_times(data):
    for library in ("duckdb", "polars", "pyarrow"):
        pytest.importorskip(library)
    [example] = examples("Parquet")
    found: dict[str, object] = {}

    exec(example, found)

    assert [found[name] for name in ("in_duckdb", "in_polars", "in_pyarrow")] == [len(PINGS)] * 3
