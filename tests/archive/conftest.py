"""A data root of two past days, an archive in a folder or in a bucket, and what is answered from them."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest

from storage.data_root import DataRoot
from tests.mapreduce.conftest import made_world
from tests.support.running_server import telemetry_server
from tests.support.s3_server import BUCKET, ENVIRONMENT, FailingProxy, s3_server

DAYS = ("20261122", "20261123")
RECORDS = 10
JOB = "def map(key, dims, value, context):\n    context.write('/'.join(dims), len(value))\n"
STATEMENTS = (
    "SELECT * FROM pings ORDER BY document_id",
    "SELECT metric, process, sum(sum) AS total, count(*) AS n FROM histograms GROUP BY ALL ORDER BY ALL",
    "SELECT document_id, sum(count) AS n FROM histogram_buckets WHERE submission_date = '2026-11-23'"
    " GROUP BY ALL ORDER BY ALL",
    "SELECT document_id, record FROM records ORDER BY document_id",
)
_numbers = count()
_before: list[str] = []


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> Path:
    """A converted data root; tests work on copies of it."""
    return made_world(tmp_path_factory.mktemp("archive") / "data", range(RECORDS)).root.path


@pytest.fixture(scope="session")
def s3(tmp_path_factory) -> Iterator[str]:
    """The address of a real S3 server."""
    with s3_server(tmp_path_factory.mktemp("s3")) as address:
        yield address


def cloud_environment() -> dict[str, str]:
    """Return the variables that name a bucket's server and credentials."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


@dataclass(frozen=True)
class Archived:
    """A data root, and the commands on it."""

    command: Callable[..., tuple[str, str]]
    data: Path
    url: str
    config: Path

    @property
    def root(self) -> DataRoot:
        return DataRoot(self.data)

    def set(self, *, keep_local: bool) -> None:
        """Write the settings."""
        self.config.write_text(
            f'archive_to = "{self.url}"\narchive_keep_local = {"true" if keep_local else "false"}\n'
        )

    def run(self, *words: str, status: int = 0) -> Any:
        """Run ``archive <words>``; return what it printed as JSON."""
        out, _ = self.command(
            "archive", *words, "--data", str(self.data), "--config", str(self.config), "--json", status=status
        )
        return orjson.loads(out)

    def refused(self, *words: str, status: int) -> str:
        """Run ``archive <words>``, which prints nothing but one line on stderr; return the line."""
        out, said = self.command(
            "archive", *words, "--data", str(self.data), "--config", str(self.config), status=status
        )
        assert not out
        assert len(said.splitlines()) == 1, said
        return said

    def answers(self) -> list[str]:
        """Return what the commands that read stored pings answer, as text."""
        data = ("--data", str(self.data))
        job = self.config.with_name("job.py")
        job.write_text(JOB)
        texts = [self.command("cat", "converted", *data)[0]]
        texts += [self.command("sql", each, "--format", "ndjson", *data)[0] for each in STATEMENTS]
        # In a process of its own: mappers have the environment of the first job of their process.
        ended = telemetry_server("mapreduce", str(job), *data, "--mappers", "1", **cloud_environment())
        assert ended.returncode == 0, ended.stderr
        return [*texts, ended.stdout]

    def local_files(self) -> list[str]:
        """Return the files of records and tables that are in the data root."""
        stores = (self.root.converted, self.data / "tables")
        return sorted(
            str(path.relative_to(self.data))
            for store in stores
            for path in store.rglob("*")
            if path.is_file()
        )

    def is_sound(self) -> None:
        """Check that the commands that compare stored pings with each other find nothing."""
        data = ("--data", str(self.data))
        self.command("audit", *data)
        self.command("tables", "check", *data)
        self.command("archive", "check", *data)


@pytest.fixture
def make_archived(command, template, tmp_path) -> Callable[[str], Archived]:
    """Return a copy of the data root whose archive is at some URL."""

    def make(url: str, name: str = "data") -> Archived:
        shutil.copytree(template, tmp_path / name)
        made = Archived(command, tmp_path / name, url, tmp_path / f"{name}.toml")
        made.set(keep_local=False)
        return made

    return make


@pytest.fixture
def before(make_archived) -> list[str]:
    """What is answered from the data root before anything of it is archived; asked once."""
    if not _before:
        _before.extend(make_archived("", "before").answers())
    return _before


@pytest.fixture
def use_bucket(monkeypatch) -> Callable[[str], str]:
    """Point the environment at a server; return the URL of a place that no other test uses."""

    def use(address: str) -> str:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        return f"s3://{BUCKET}/test-{next(_numbers)}"

    return use


@pytest.fixture(params=["folder", "bucket"])
def archived(request, make_archived, tmp_path) -> Archived:
    """A data root whose archive is a folder, or in a bucket."""
    if request.param == "folder":
        return make_archived(str(tmp_path / "elsewhere"))
    use = request.getfixturevalue("use_bucket")
    return make_archived(use(request.getfixturevalue("s3")))


@pytest.fixture
def proxy(s3) -> Iterator[FailingProxy]:
    """A proxy before the S3 server that can fail."""
    with FailingProxy(s3) as failing:
        yield failing
