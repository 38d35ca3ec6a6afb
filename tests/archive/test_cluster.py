"""A job on a cluster reads archived days on the workers, straight from the bucket."""

import pytest

from tests.archive.conftest import cloud_environment
from tests.mapreduce.test_cluster import scheduler, worker
from tests.support.running_server import telemetry_server


@pytest.mark.slow
def test_a_cluster_gives_the_bytes_of_before(make_archived, use_bucket, s3, proxy, tmp_path):
    """The coordinator asks the bucket for nothing."""
    archived = make_archived(use_bucket(s3))
    before = archived.answers()[-1]
    archived.run("run")
    assert archived.local_files() == []
    job = archived.config.with_name("job.py")
    folder = tmp_path / "dask"
    folder.mkdir()

    with scheduler(folder) as address, worker(folder, "one", address):
        there = cloud_environment() | {"AWS_ENDPOINT_URL": proxy.address}
        ended = telemetry_server(
            "mapreduce", str(job), "--data", str(archived.data), "--cluster", address, **there
        )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == before
    assert proxy.requests == []
