"""An outsider finds only documented ports, no privileges and no readable data of a running server."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from telemetry_server.demo.temporary_server import bare_environment, free_port
from tests.support.data_root import REVISION, SPEC, a_ping, an_id
from tests.support.waiting import PATIENCE_SECONDS, wait_for

UNPRIVILEGED_UID = 65534
LISTEN = "0A"
LOOPBACK = "0100007F"
SOURCE = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def has_fast_lane() -> None:
    """Replace the fixture that runs each test twice: the default settings are enough here."""


@dataclass
class UnprivilegedServer:
    """A server that runs as an unprivileged user."""

    process: subprocess.Popen[bytes]
    data: Path
    uid: int
    port: int
    admin_port: int
    reports_port: int
    log: Path
    starts_processes: bool

    def processes(self) -> set[int]:
        """Return the ids of all its processes, grandchildren included."""
        found, new = set(), {self.process.pid}
        while new:
            found |= new
            children: set[int] = set()
            for pid in new:
                for task in Path(f"/proc/{pid}/task").iterdir():
                    children |= {int(child) for child in (task / "children").read_text().split()}
            new = children - found
        return found

    def post(self, number: int, body: bytes) -> int:
        url = f"http://127.0.0.1:{self.port}/submit/telemetry/{an_id(number)}"
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=PATIENCE_SECONDS) as answer:
            return int(answer.status)

    def metrics(self) -> str:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.admin_port}/metrics", timeout=PATIENCE_SECONDS
        ) as answer:
            return str(answer.read().decode())


@contextmanager
def unprivileged_server(folder: Path) -> Iterator[UnprivilegedServer]:
    """Yield a server with umask 0; it runs as user `nobody` if the tests run as root."""
    uid, prefix = os.getuid(), []
    if uid == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is needed to give up root")
        uid = UNPRIVILEGED_UID
        os.chown(folder, uid, uid)
        prefix = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs"]
        probe = [*prefix, sys.executable, "-c", "import telemetry_server.cli.main"]
        if subprocess.run(
            probe, cwd=SOURCE, capture_output=True, timeout=PATIENCE_SECONDS, check=False
        ).returncode:
            pytest.skip("only root may read the source folder")
    # Other users cannot start an interpreter below /root, even if they can read the program.
    probe = [
        *prefix,
        sys.executable,
        "-c",
        "import os, sys; sys.exit(not os.access(sys.executable, os.X_OK))",
    ]
    starts_processes = subprocess.run(probe, timeout=PATIENCE_SECONDS, check=False).returncode == 0
    # The server fetches the definitions from a folder, so it writes the cached copy itself.
    upstream = folder / "upstream" / REVISION.repository / REVISION.changeset
    upstream.mkdir(parents=True)
    (upstream / "Histograms.json").write_bytes(orjson.dumps(SPEC))
    port, admin_port, reports_port = free_port(), free_port(), free_port()
    settings = {
        "TELEMETRY_DATA_DIR": str(folder / "data"),
        "TELEMETRY_PORT": str(port),
        "TELEMETRY_ADMIN_PORT": str(admin_port),
        "TELEMETRY_REPORTS_PORT": str(reports_port),
        "TELEMETRY_REVISION_SERVER": str(folder / "upstream"),
        "TELEMETRY_MIN_FREE_BYTES": "0",
        "TELEMETRY_WORKERS": "2",
    }
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "telemetry_server", "serve"],
            cwd=SOURCE,
            env=bare_environment() | settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            umask=0,
        )
    try:
        wait_for(lambda: "Listening on" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield UnprivilegedServer(
            process, folder / "data", uid, port, admin_port, reports_port, log, starts_processes
        )
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[UnprivilegedServer]:
    """Yield a server that has stored and quarantined pings, in conversion processes if it may start any."""
    with tempfile.TemporaryDirectory() as name, unprivileged_server(Path(name)) as server:
        count = 0
        while count < 150:
            # Few enough to be converted without other processes, if it cannot start any.
            for number in range(count, count + (150 if server.starts_processes else 15)):
                body = orjson.dumps(a_ping(number)) if number % 3 else b"not JSON"
                assert server.post(number, body) == 200
                count += 1
            quarantined, stored = count // 3, count - count // 3
            wait_for(lambda n=quarantined: re.search(rf"quarantined_total.* {n}\.0", server.metrics()))
            wait_for(lambda n=stored: re.search(rf"pings_stored_total.* {n}\.0", server.metrics()))
        yield server


def open_sockets(pids: set[int]) -> set[str]:
    """Return the inodes of every socket that one of *pids* holds."""
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                if found := re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink())):
                    inodes.add(found[1])
    return inodes


def test_only_the_documented_ports_listen(server):
    """Three ports of the settings listen on loopback; there is no UDP socket and no named Unix socket."""
    inodes = open_sockets(server.processes())
    listening, connected = set(), set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, remote, state, *rest = line.split()
            if rest[5] in inodes:
                (listening if state == LISTEN else connected).add(local if state == LISTEN else remote)
    others = [
        line
        for table in ("udp", "udp6", "raw")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[9] in inodes
    ]
    named = [
        line for line in Path("/proc/net/unix").read_text().splitlines()[1:]
        if line.split()[6] in inodes and len(line.split()) > 7
    ]  # fmt: skip

    ports = server.port, server.admin_port, server.reports_port
    assert listening == {f"{LOOPBACK}:{port:04X}" for port in ports}
    assert {address.split(":")[0] for address in connected} <= {LOOPBACK, "00000000"}
    assert not others
    assert not named


def test_other_users_can_read_nothing_below_the_data_root(server):
    """With any umask, folders are 0700 and files 0600, also definitions, ledger and counters in memory."""
    # Files open for writing show where else the server writes.
    written = {
        link.readlink()
        for pid in server.processes()
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if stat.S_ISREG(link.stat().st_mode) and os.access(link, os.W_OK)
    } - {server.log}
    elsewhere = {path.parent for path in written if not path.is_relative_to(server.data)}
    ours = [server.data, *server.data.rglob("*")]
    for folder in elsewhere:
        assert re.fullmatch(rf"/dev/shm/telemetry-server-{server.uid}-[0-9a-f]+", str(folder)), folder
        ours += [folder, *folder.iterdir()]

    # tables/ appears some seconds after the first record.
    assert {path.name for path in server.data.iterdir()} - {"tables"} == {
        *("raw", "converted", "quarantine", "specs", "state"),
        ".identity",
    }
    assert any(path.name == "Histograms.json" for path in ours)
    wrong = {
        f"{path}: {found.st_mode:o} of {found.st_uid}"
        for path in ours
        if (found := path.lstat()).st_uid != server.uid or stat.S_IMODE(found.st_mode) & 0o077
    }
    assert sorted(wrong) == []


def test_its_processes_have_no_root_privileges(server):
    """They run as the user that started the server, without any capability."""
    for pid in server.processes():
        status = Path(f"/proc/{pid}/status").read_text()
        assert re.search(
            rf"^Uid:\t{server.uid}\t{server.uid}\t{server.uid}\t{server.uid}$", status, re.MULTILINE
        )
        assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
