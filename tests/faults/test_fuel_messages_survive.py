"""The notifier, the database and the mail server are killed at random while failures are reported."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from telemetry_server.demo.temporary_server import bare_environment, free_port
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.errors import DatabaseAway
from telemetry_server.fuel.database.failure_writes import MessageState
from telemetry_server.fuel.sender.transport import NoAnswer, Transport
from tests.faults.test_fuel_survives import Restarted, start_again
from tests.fuel.documents import a_failure
from tests.fuel.mail_server import MailServer, running_mail_server
from tests.support.edges import wait_for
from tests.support.figures import Figure
from tests.support.postgresql import program, running_postgresql
from tests.support.sizes import size
from tests.support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

SECONDS = size(20, 300)
ROOT = Path(__file__).resolve().parents[2]


class Notifying:
    """A notifier that is started again wherever it was killed."""

    def __init__(self, words: list[str], log: Path) -> None:
        self._words = [sys.executable, "-m", "tests.fuel.notifier_program", *words]
        self._log = log
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(self._words, env=bare_environment(), cwd=ROOT, stdout=log, stderr=log)

    def kill(self) -> None:
        """Kill it, and start it again."""
        self.process.kill()
        self.process.wait()
        self.process = self._start()

    def stop(self) -> None:
        """Stop it."""
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE_SECONDS)
        self.process.kill()
        self.process.wait()


class Reporting(threading.Thread):
    """Posts failure reports, each until it is acknowledged."""

    def __init__(self, collector: str) -> None:
        super().__init__()
        self._transport = Transport(collector, "reporter", None, 5.0)
        self.is_stopping = False
        self.acknowledged: list[str] = []

    def run(self) -> None:
        number = 0
        while not self.is_stopping:
            number += 1
            report = a_failure(number, cluster_id=number)
            body = json.dumps(report).encode()
            for _ in range(600):
                with suppress(NoAnswer):
                    if self._transport.send("POST", "/api/v1/failure_reports/", body).is_accepted:
                        self.acknowledged.append(report["failure_report"]["report_id"])
                        break
                time.sleep(0.1)
            time.sleep(0.02)


def trouble(mail: MailServer, chance: random.Random) -> None:
    """Let the mail server refuse, stall or die for a moment."""
    kind = chance.choice(["refuses", "stalls", "dies"])
    if kind == "refuses":
        mail.handler.answer = "451 try later"
    elif kind == "stalls":
        mail.handler.stall_seconds = 1.0
    else:
        mail.stop()
    time.sleep(chance.uniform(0.2, 1.0))
    mail.handler.answer, mail.handler.stall_seconds = "250 taken", 0.0
    if mail.controller is None:
        mail.start()


@pytest.mark.skipif(program("initdb") is None, reason="PostgreSQL is not installed (Debian: postgresql)")
def test_every_failure_is_one_message_whatever_is_killed(tmp_path: Path, figure: Figure) -> None:
    """A file has each message once; a mail comes again only with the same Message-ID, after a kill."""
    chance = random.Random(int(os.environ.get("FAULTS_SEED", "25")))
    port, file = free_port(), tmp_path / "messages"
    kills: Counter[str] = Counter()
    with running_postgresql("fsync=on") as postgresql, running_mail_server() as mail:
        url = postgresql.new_database()
        collector = Restarted(
            *("serve", "--data", str(tmp_path / "data"), "--port", str(port), "--no-convert"),
            log=tmp_path / "collector.log",
            TELEMETRY_FUEL="true",
            TELEMETRY_FUEL_DATABASE_URL=url,
            TELEMETRY_FUEL_CONTACT_KEY_FILE=str(tmp_path / "key"),
            TELEMETRY_FUEL_UID_REQUESTS_PER_HOUR="0",
            TELEMETRY_WORKERS="1",
            TELEMETRY_REPORTS_PORT="off",
            TELEMETRY_MIN_FREE_BYTES="0",
        )
        notifying = Notifying(
            [url, str(tmp_path / "key"), mail.url, f"file:{file}"], tmp_path / "notifier.log"
        )
        reporting = Reporting(f"http://127.0.0.1:{port}")
        reporting.start()
        try:
            wait_for(lambda: bool(reporting.acknowledged), 180)
            ends = time.monotonic() + SECONDS
            while time.monotonic() < ends:
                time.sleep(chance.uniform(0.2, 1.5))
                victim = chance.choice(["notifier", "notifier", "postgresql", "mail server"])
                kills[victim] += 1
                if victim == "notifier":
                    notifying.kill()
                elif victim == "postgresql":
                    start_again(postgresql)
                else:
                    trouble(mail, chance)
            reporting.is_stopping = True
            reporting.join()
            _wait_until_sent(url, len(reporting.acknowledged))
        finally:
            reporting.is_stopping = True
            reporting.join()
            notifying.stop()
            collector.stop()
    lines = Counter(json.loads(line)["report_id"] for line in file.read_text().splitlines())
    mails = Counter(message["Message-ID"].strip("<>").partition("@")[0] for message in mail.handler.got)
    reported = set(reporting.acknowledged)
    again = mails.total() - len(mails)
    figure.title = "Fuel: kills of notifier, PostgreSQL, mail server"
    figure.runs = kills.total()
    figure.acknowledged = len(reported)
    figure.lost = len(reported - set(lines)) + len(reported - set(mails))
    figure.doubled = lines.total() - len(lines)
    figure.notes.append(f"{again} mails came again with their Message-ID")

    assert len(reported) > SECONDS
    assert (figure.lost, figure.doubled) == (0, 0)
    assert again <= kills["notifier"] + kills["mail server"]


def _wait_until_sent(url: str, number: int) -> None:
    """Return when *number* messages are sent; a backlog takes its time, but it must shrink."""
    sent, deadline = -1, 0.0
    while (now_sent := _sent(url)) < number:
        if now_sent > sent:
            sent, deadline = now_sent, time.monotonic() + 120
        assert time.monotonic() < deadline, f"{sent} of {number} messages are sent, and none for two minutes"
        time.sleep(0.2)


def _sent(url: str) -> int:
    database = CollectorDatabase(url)
    query = sa.text("SELECT count(*) FROM notifications WHERE state = :state")
    try:
        return int(database.read(lambda c: c.execute(query, {"state": MessageState.SENT}).scalar_one()))
    except DatabaseAway:
        return 0
    finally:
        database.close()
