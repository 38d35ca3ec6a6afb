"""A server that has lost its ledger accepts pings, changes no file, and continues after `repair`."""

from tests.flow.test_serve import get, post
from tests.support.data_root import World, a_ping, submitted
from tests.support.running_server import result_of, running_server
from tests.support.waiting import wait_for


async def test_serve_accepts_pings_without_its_ledger_and_converts_them_after_repair(tmp_path):
    """One log line says what to do."""
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    world.put_specs()
    world.receive(submitted(a_ping(number), number) for number in range(3))
    await world.convert()
    for path in world.root.state.glob("ledger.sqlite*"):
        path.unlink()
    files_before = {path: path.read_bytes() for path in world.root.path.rglob("*.zst")}
    log = tmp_path / "server.log"

    with running_server(tmp_path) as server:
        post(server.url, 10)
        wait_for(lambda: "the ledger is gone" in log.read_text())
        get(f"{server.url}/__lbheartbeat__")
        assert not world.root.ledger.exists()
        assert {path: path.read_bytes() for path in world.root.path.rglob("*.zst")} == files_before

        done = result_of("repair", "--data", str(world.root.path))
        assert done["rebuilt"]["stored"] == 3
        wait_for(lambda: len(world.lines()) == 4)

    # A slow machine tries again, and says how much later.
    said = [line.partition('"error"')[2] for line in log.read_text().splitlines() if "is gone" in line]
    (line,) = {line.partition('"retry_after_seconds"')[0] for line in said}
    assert "repair --dry-run" in line
    assert world.audit().findings == []
