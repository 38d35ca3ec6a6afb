"""The session: its names, its macros, and the moment that it reads."""

import gc
import re
import resource
import threading
from pathlib import Path

import duckdb
import pytest

from storage.errors import LostFile, NoDataRoot
from telemetry_server import analysis
from telemetry_server.analysis import committed_files, query
from telemetry_server.analysis.catalogue import Catalogue
from telemetry_server.analysis.committed_files import CommittedFile, Snapshot, SnapshotFailed
from telemetry_server.analysis.query import QueryLimits, opened_session
from telemetry_server.analysis.statement import StatementRefused
from telemetry_server.analysis.streams import RowStream
from telemetry_server.analysis.watch import StatementHung, StatementStopped, run_watched
from tests.support.waiting import PATIENCE_SECONDS

PAGE = (Path(__file__).resolve().parents[2] / "docs/sql.md").read_text(encoding="utf-8")
VIEWS = ("pings", "histograms", "histogram_buckets", "shapes", "scalars", "events")
STREAMS = ("records", "quarantine", "days", "definitions")
ROW = re.compile(r"^\| `(\w+)` \| ([A-Z][A-Z(), ]*(?:\[\])?) \|", re.MULTILINE)


@pytest.mark.parametrize("table", ["pings", "histograms", "shapes", "scalars", "events"])
def test_the_page_lists_every_column_of_a_table_with_its_type(rows_of, table):
    """In the table's own order."""
    section = PAGE.split(f"### `{table}`:")[1].split("\n###")[0]

    columns = [(row["column_name"], row["column_type"]) for row in rows_of(f"DESCRIBE {table}")]

    assert [(name, kind.replace(" ", "")) for name, kind in columns] == [
        (name, kind.replace(" ", "")) for name, kind in ROW.findall(section)
    ]


@pytest.mark.parametrize("table", STREAMS)
def test_the_page_lists_every_column_of_what_is_read_as_it_is(rows_of, table):
    """In one row of the page a table."""
    (row,) = re.findall(rf"^\| `{table}` \| (.*) \|$", PAGE, re.MULTILINE)

    for column in rows_of(f"DESCRIBE {table}"):
        assert f"`{column['column_name']}`" in row
        assert column["column_type"] in row


def test_buckets_have_the_columns_of_histograms_but_for_the_lists(rows_of):
    """One row a bucket, without the sum, which must not be added up."""
    histograms = {row["column_name"] for row in rows_of("DESCRIBE histograms")}
    buckets = {row["column_name"] for row in rows_of("DESCRIBE histogram_buckets")}

    assert buckets == histograms - {"starts", "counts", "sum"} | {"start", "count"}


def test_every_shape_that_rows_name_is_known(rows_of):
    """And its starts hold those of the rows."""
    assert rows_of("SELECT DISTINCT shape FROM histograms ANTI JOIN shapes USING (shape)") == []
    assert rows_of(
        "SELECT count(*) AS n FROM histograms h JOIN shapes s USING (shape)"
        " WHERE len(s.starts) > 0 AND NOT list_has_all(s.starts, h.starts)"
    ) == [{"n": 0}]


@pytest.mark.parametrize(
    ("counts", "q", "expected"),
    [
        ("[999, 1]", "99.9", 0),
        ("[999, 1]", "99.9::DOUBLE", 0),
        ("[999, 1]", "99.90001", 7),
        ("[1, 1]", "0", 0),
        ("[0, 1]", "0", 7),
        ("[1, 1]", "50", 0),
        ("[1, 1]", "100", 7),
        ("[0, 0]", "50", None),
        ("[9223372036854775807, 9223372036854775807]", "50", 0),
        ("[9223372036854775806, 9223372036854775807]", "50", 7),
        ("[1/3, 1/3 + 1/3]", "33.333333", 0),
        ("[0.1::DOUBLE + 0.2, 0.3::DOUBLE]", "50", 0),
    ],
)
def test_a_percentile_is_the_first_bucket_that_reaches_it(rows_of, counts, q, expected):
    """Counts are compared exactly; a tie of shares is a tie."""
    assert rows_of(f"SELECT percentile([0, 7], {counts}, {q}) AS p") == [{"p": expected}]


def test_three_clients_weigh_by_their_samples_or_the_same(rows_of):
    """Buckets 0, 1, 2 with counts (1, 1, 2), (0, 100, 0), (3, 0, 1)."""
    statement = """
    WITH histograms AS (FROM (VALUES ('a', [0, 1, 2], [1, 1, 2]), ('b', [1], [100]), ('c', [0, 2], [3, 1]),
        ('d', [], [])) AS h(client_id, starts, counts) SELECT *, 's' AS shape),
      client AS (SELECT client_id, shape, merge(starts, counts) AS h FROM histograms GROUP BY ALL),
      merged AS (SELECT merge(h.starts, h.counts) AS samples, merge(h.starts, shares(h.counts)) AS clients
        FROM client)
    SELECT samples.counts AS samples, clients.counts AS clients,
      list_transform([25, 50, 75, 90], lambda q: percentile(samples.starts, samples.counts, q)) AS by_sample,
      list_transform([25, 50, 75, 90], lambda q: percentile(clients.starts, clients.counts, q)) AS by_client
    FROM merged
    """

    assert rows_of(statement) == [
        {
            "samples": [4, 101, 3],
            "clients": [1.0, 1.25, 0.75],
            "by_sample": [1, 1, 1, 1],
            "by_client": [0, 1, 1, 2],
        }
    ]


def test_merging_nothing_gives_empty_lists(rows_of):
    """Without rows, and of rows whose counts are all 0."""
    merged = [{"h": {"starts": [], "counts": []}}]

    assert rows_of("SELECT merge(starts, counts) AS h FROM histograms WHERE metric = 'NONE'") == merged
    assert rows_of("SELECT merge([]::BIGINT[], []::BIGINT[]) AS h FROM (SELECT 's' AS shape)") == merged


@pytest.mark.parametrize(
    ("counted", "scans"),
    [("count(*)", 1), ("max(sum)", 1), ("count(DISTINCT client_id)", 2), ("max(document_id)", 2)],
)
def test_a_statement_that_groups_reads_pings_only_for_their_ids(table_world, use_catalogue, counted, scans):
    """A histogram by build needs none, so it costs no join."""
    use_catalogue(table_world.tables.catalogue)

    with analysis.connect(table_world.root.path) as tables:
        ((_, plan),) = tables.execute(
            f"EXPLAIN SELECT build_id, {counted} FROM histograms GROUP BY ALL"
        ).fetchall()

    assert plan.count("PYTHON_ARROW_SCAN") == scans


def test_a_session_reads_its_moment_after_files_are_gone(table_world, tmp_path, use_catalogue):
    """Compaction removes files while a query runs."""
    files = []
    for number, file in enumerate(table_world.tables.catalogue.files()):
        copy = tmp_path / f"{number}.parquet"
        copy.write_bytes(file.path.read_bytes())
        files.append(CommittedFile(file.table, file.day, copy, file.rows, file.bytes))
    use_catalogue(Catalogue(lambda: files, table_world.tables.catalogue.shapes))
    with analysis.connect(table_world.root.path) as tables:
        for file in files:
            file.path.unlink()

        for table in ("pings", "histograms", "scalars", "events"):
            of_table = tables.files(table)
            assert of_table == [file for file in files if file.table == table]
            rows = sum(file.rows for file in of_table)
            assert tables.sql(f"SELECT count(*) FROM {table}").fetchall() == [(rows,)]
            assert tables.dataset(table).count_rows() == rows
            assert tables.lazy_frame(table).collect().height == rows


def test_a_list_that_changed_meanwhile_is_read_again(tmp_path):
    """What compaction replaced between the list and the opening is found under its new name."""
    there = CommittedFile("pings", "20261122", tmp_path / "new", 0, 0)
    (tmp_path / "new").write_bytes(b"")
    lists = iter([[CommittedFile("pings", "20261122", tmp_path / "old", 0, 0)], [there]])

    with Snapshot(lambda: next(lists)) as snapshot:
        assert snapshot.files == [there]


def test_a_listed_file_that_stays_missing_is_one_line(tmp_path):
    """It names the file and what to do; no descriptor is left open."""
    missing = [CommittedFile("pings", "20261122", tmp_path / name, 0, 0) for name in ("here", "gone")]
    (tmp_path / "here").write_bytes(b"")
    before = len(list(Path("/proc/self/fd").iterdir()))

    with pytest.raises(SnapshotFailed, match=r"gone is missing; telemetry-server tables check"):
        Snapshot(lambda: missing).__enter__()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_more_files_than_the_soft_limit_are_opened(tmp_path):
    """A year of days has thousands."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    (tmp_path / "part").write_bytes(b"")
    files = [CommittedFile("pings", "20261122", tmp_path / "part", 0, 0)] * 100
    low = len(list(Path("/proc/self/fd").iterdir())) + 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, hard))
    try:
        with Snapshot(lambda: files) as snapshot:
            assert len(snapshot.sources("pings")) == 100
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_data_root_without_tables_has_empty_ones(world_without_tables, use_catalogue):
    """A data root of an earlier release, or one with `tables` off."""
    use_catalogue(Catalogue(tuple, tuple))
    with analysis.connect(world_without_tables) as tables:
        for view in VIEWS:
            assert tables.execute(f"SELECT count(*) FROM {view}").fetchall() == [(0,)]
        assert tables.lazy_frame("pings").collect().height == 0
        assert tables.dataset("pings").count_rows() == 0


@pytest.fixture
def world_without_tables(tmp_path):
    """A data root that has converted nothing."""
    from tests.support.data_root import World

    return World(tmp_path).root.path


def test_a_notebook_cannot_leave_the_tables_either(table_world, use_catalogue):
    """The connection is as closed as the command, and gives its files back."""
    import duckdb

    use_catalogue(table_world.tables.catalogue)
    before = len(list(Path("/proc/self/fd").iterdir()))
    tables = analysis.connect(table_world.root.path, memory_bytes=2**28, threads=1)
    for statement in ("SELECT * FROM read_text('/etc/passwd')", "SET threads = 4", "COPY pings TO 'x'"):
        with pytest.raises(duckdb.Error):
            tables.execute(statement)
    tables.register("mine", duckdb.connect().sql("SELECT 1 AS n").to_arrow_table())
    assert tables.sql("SELECT n FROM mine").fetchall() == [(1,)]

    del tables
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_there_is_no_connection_without_a_data_root(tmp_path):
    """The same error as of every command."""
    with pytest.raises(NoDataRoot):
        analysis.connect(tmp_path / "nothing")


def test_a_stream_that_fails_keeps_its_own_error(table_world, tmp_path):
    """DuckDB knows its text only; the command must know what it was."""

    def lost():
        yield ("a",)
        raise LostFile("converted/x")

    import pyarrow as pa

    stream = RowStream([("n", pa.string())], lost)
    with opened_session(table_world.root, tmp_path, QueryLimits(), table_world.tables.catalogue) as session:
        session.streams["records"]._read = stream._read
        session.streams["records"]._schema = stream._schema
        session.connection.unregister("records")
        session.connection.register("records", session.streams["records"])
        with pytest.raises(LostFile):
            session.run("SELECT * FROM records", lambda c, s: c.execute(s).fetchall())


def test_the_days_are_those_of_audit_before_and_after_conversion(tmp_path, use_catalogue):
    """What waits in raw/ is pending."""
    from tests.support.data_root import World, a_ping, submitted

    world = World(tmp_path)
    world.put_specs()
    world.receive([submitted(a_ping(1), 1), submitted(b"{", 2)])
    use_catalogue(Catalogue(tuple, tuple))
    with analysis.connect(tmp_path) as tables:
        assert tables.execute("SELECT day, received, stored, pending FROM days").fetchall() == [
            ("20261122", 2, 0, 2)
        ]


class Endless:
    """Work that ends at an interrupt, or never."""

    def __init__(self, *, is_deaf: bool = False) -> None:
        self.end = threading.Event()
        self.is_deaf = is_deaf

    def __call__(self) -> None:
        self.end.wait(PATIENCE_SECONDS)

    def interrupt(self) -> None:
        if not self.is_deaf:
            self.end.set()


def test_work_that_ends_at_the_interrupt_is_stopped():
    """By a clock that is handed in."""
    moments = iter([0.0, 5.0, *[5.0] * 1000])
    work = Endless()

    with pytest.raises(StatementStopped, match="after 4 s"):
        run_watched(work, work, 4.0, lambda: next(moments))


def test_work_that_goes_on_is_hung():
    """The caller must end the process."""
    moments = iter([0.0, 5.0, 5.0, 5.0, 9.0])
    work = Endless(is_deaf=True)

    with pytest.raises(StatementHung):
        run_watched(work, work, 4.0, lambda: next(moments))
    work.end.set()


def test_work_that_has_just_started_ends_at_ctrl_c(monkeypatch):
    """Otherwise the session would be closed while the statement runs."""
    work = Endless()
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_watched(work, work, 60.0)

    assert work.end.is_set()


def test_an_error_of_the_work_is_raised():
    """In the thread that waits."""

    def fail() -> None:
        raise StatementRefused("no")

    with pytest.raises(StatementRefused, match="no"):
        run_watched(fail, Endless(), 10.0)
    assert committed_files.OPEN_ATTEMPTS > 1


def test_too_little_memory_for_a_session_stops_the_question(table_world, tmp_path, monkeypatch):
    """The same error as while the statement runs, which is answered 503."""

    def refused(*_: object) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: Allocation failure")

    monkeypatch.setattr(query, "open_session", refused)
    limits, catalogue = QueryLimits(memory_bytes=128 << 20), table_world.tables.catalogue

    with (
        pytest.raises(StatementStopped, match="more than 128 MiB"),
        opened_session(table_world.root, tmp_path, limits, catalogue),
    ):
        pass
