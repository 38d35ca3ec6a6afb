"""Messages about failures: each is delivered once, by mail, webhook or file, within limits."""

import json
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from telemetry_server.fuel.contacts.contact_keys import ContactKeyFile, read_contact_keys
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.contacts import StoredContact
from telemetry_server.fuel.database.errors import DatabaseAway
from telemetry_server.fuel.database.failure_writes import write_failure
from telemetry_server.fuel.database.outbox import (
    MessageLimits,
    count_messages,
    open_messages,
    try_given_up_again,
)
from telemetry_server.fuel.database.writes import Stamp
from telemetry_server.fuel.documents.failure_report import judged_failure
from telemetry_server.fuel.notifications.file_sink import FileSink
from telemetry_server.fuel.notifications.notifier import RETRY_SECONDS, Notifier, NotifierOptions
from telemetry_server.fuel.notifications.sink import BadSink, NotDelivered, sink_of
from telemetry_server.fuel.notifications.smtp_sink import SmtpSink
from telemetry_server.fuel.notifications.webhook_sink import WebhookSink
from tests.fuel.documents import UID, a_failure
from tests.fuel.mail_server import MailServer, running_mail_server
from tests.support.certificates import make_pair
from tests.support.waiting import wait_for

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


class Outbox:
    """A database with failure reports, and a notifier with a clock that the test moves."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.key_file = folder / "contact.key"
        self.keys = ContactKeyFile(self.key_file, creates=True)
        self.now = NOW
        self.database = CollectorDatabase(url)
        self._notifiers: list[Notifier] = []

    def report(self, number: int = 1, **changes: Any) -> None:
        """Store a failure report as the collector does."""
        judged = judged_failure(a_failure(number, **changes)["failure_report"], Counter())
        sealed = self.keys.keys().seal(judged.report_id, judged.contact)
        contact = StoredContact(judged.report_id, judged.master_node_uid, sealed.key_id, sealed.sealed)
        stamp = Stamp(self.now, "1.0")
        self.database.write(lambda connection: write_failure(connection, judged, contact, stamp))

    def notifier(self, *sinks: Any, **options: Any) -> Notifier:
        """Return a notifier."""
        made = Notifier(NotifierOptions(self.url, self.key_file, sinks, **options), clock=lambda: self.now)
        self._notifiers.append(made)
        return made

    def wait(self, seconds: float) -> None:
        """Move the clock."""
        self.now += timedelta(seconds=seconds)

    def states(self) -> list[str]:
        """Return the state of each message."""
        query = sa.text("SELECT state FROM notifications ORDER BY id")
        return self.database.read(lambda connection: list(connection.execute(query).scalars()))

    def close(self) -> None:
        """Close all connections."""
        for made in self._notifiers:
            made.close()
        self.database.close()


@pytest.fixture
def outbox(database_url, tmp_path) -> Iterator[Outbox]:
    """An outbox on each database."""
    with closing(Outbox(database_url, tmp_path)) as made:
        yield made


@pytest.fixture
def sqlite_outbox(sqlite_url, tmp_path) -> Iterator[Outbox]:
    """The same on SQLite only, for what no database decides."""
    with closing(Outbox(sqlite_url, tmp_path)) as made:
        yield made


@pytest.fixture
def mail() -> Iterator[MailServer]:
    """A mail server."""
    with running_mail_server() as server:
        yield server


def lines_of(file: Path) -> list[dict[str, Any]]:
    """Return the objects in a file."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_mail_names_installation_environment_error_contact_and_link(outbox, mail):
    outbox.report()
    notifier = outbox.notifier(
        sink_of(mail.url), instance_name="community", reports_url="https://reports.example.org"
    )
    notifier.turn()
    notifier.turn()

    (message,) = mail.handler.got
    report_id = a_failure()["failure_report"]["report_id"]
    assert message["Message-ID"] == f"<{report_id}@example.org>"
    assert (message["To"], message["Reply-To"]) == ("support@example.org", "ada@example.org")
    assert message["Subject"] == (f"[community] deploy in environment 7 of {UID} failed: 2 of 6 nodes failed")
    text = message.get_content()
    for part in (UID, "Environment: 7", "2 of 6 nodes failed", "14 (compute)", "Ada Doe <ada@example.org>"):
        assert part in text
    assert f"https://reports.example.org/fuel/failures/{report_id}" in text
    assert outbox.states() == ["sent"]


def test_a_file_gets_one_object_a_line(sqlite_outbox, tmp_path):
    file = tmp_path / "messages"
    sqlite_outbox.report()
    sqlite_outbox.notifier(sink_of(f"file:{file}")).turn()

    (line,) = lines_of(file)
    assert line["master_node_uid"] == UID
    assert line["contact"]["email"] == "ada@example.org"
    assert (line["cluster_id"], line["count"], line["error"]["type"]) == (7, 1, "deploy")
    assert file.stat().st_mode & 0o777 == 0o600


@contextmanager
def webhook(folder: Path, status: int = 200) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Yield the address of a webhook with TLS, and what it got."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_words: Any) -> None: ...

    make_pair(folder, "hook")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "hook.pem", folder / "hook.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}/hook?token=geheim", got
    server.shutdown()
    server.server_close()


def test_a_webhook_gets_json_with_a_key_for_repeats(sqlite_outbox, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "hook.pem"))
    with webhook(tmp_path) as (url, got):
        sqlite_outbox.report()
        sink = sink_of(url)
        sqlite_outbox.notifier(sink).turn()

    ((headers, body),) = got
    assert headers["Idempotency-Key"] == json.loads(body)["message_id"]
    assert json.loads(body)["contact"]["company"] == "Example Ltd"
    assert "geheim" not in sink.label + repr(sink)


def test_a_webhook_that_answers_otherwise_or_is_a_stranger_has_not_taken_it(
    sqlite_outbox, tmp_path, monkeypatch
):
    with webhook(tmp_path, 500) as (url, got):
        sqlite_outbox.report()
        notifier = sqlite_outbox.notifier(sink_of(url))
        notifier.turn()
        assert got == []  # its certificate is not known here
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "hook.pem"))
        sqlite_outbox.wait(2 * RETRY_SECONDS[0])
        notifier.turn()
        assert len(got) == 1
    (row,) = sqlite_outbox.database.read(lambda connection: open_messages(connection, 10))
    assert row["last_error"] == "the webhook answered 500"


def refuses(mail: MailServer) -> None:
    """Answer every message with an error."""
    mail.handler.answer = "451 try later"


def is_away(mail: MailServer) -> None:
    """Stop listening."""
    mail.stop()


def recovers(mail: MailServer) -> None:
    """Take messages again."""
    mail.handler.answer = "250 taken"
    if mail.controller is None:
        mail.start()


@pytest.mark.parametrize("trouble", [refuses, is_away])
def test_a_message_is_delivered_once_after_ten_minutes_of_trouble(
    outbox, mail, trouble: Callable[[MailServer], None]
):
    outbox.report()
    notifier = outbox.notifier(sink_of(mail.url))
    trouble(mail)
    for _ in range(60):
        notifier.turn()
        outbox.wait(10)
    assert mail.handler.got == []
    assert outbox.states() == ["due"]
    recovers(mail)
    for _ in range(60):
        notifier.turn()
        outbox.wait(10)

    assert len(mail.handler.got) == 1
    assert outbox.states() == ["sent"]


def test_a_message_is_given_up_after_five_retries_and_can_be_tried_again(outbox, mail):
    outbox.report()
    notifier = outbox.notifier(sink_of(mail.url))
    refuses(mail)
    tries = 0
    while outbox.states() != ["dead"]:
        notifier.turn()
        outbox.wait(4000)
        tries += 1
    counts = outbox.database.read(count_messages)
    assert tries == 1 + len(RETRY_SECONDS)
    assert (counts.open, counts.given_up) == (0, 1)

    recovers(mail)
    assert outbox.database.write(lambda connection: try_given_up_again(connection, outbox.now)) == 1
    notifier.turn()
    assert len(mail.handler.got) == 1
    assert outbox.states() == ["sent"]


def test_a_server_that_stalls_is_left_after_a_time(sqlite_outbox, mail):
    mail.handler.stall_seconds = 60
    sqlite_outbox.report()
    sink = SmtpSink("127.0.0.1", mail.port, "smtp", recipient="a@b.org", sender="c@d.org", seconds=0.5)
    sqlite_outbox.notifier(sink).turn()

    assert sqlite_outbox.states() == ["due"]
    (row,) = sqlite_outbox.database.read(lambda connection: open_messages(connection, 10))
    assert row["failures"] == 1


def test_a_server_that_sends_a_byte_now_and_then_is_left_after_a_time():
    """No single step of it takes long."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            connection, _ = listening.accept()
            ended = threading.Event()
            with connection:
                while not ended.wait(0.05):
                    try:
                        connection.sendall(b"2")
                    except OSError:
                        return

        threading.Thread(target=drip, daemon=True).start()
        port = listening.getsockname()[1]
        sink = SmtpSink("127.0.0.1", port, "smtp", recipient="a@b.org", sender="c@d.org", seconds=0.5)
        with pytest.raises(NotDelivered):
            sink.send(None, may_be_there=False)  # type: ignore[arg-type]


def test_a_sink_in_trouble_does_not_hold_up_another(sqlite_outbox, mail, tmp_path):
    file = tmp_path / "messages"
    is_away(mail)
    for number in range(3):
        sqlite_outbox.report(number, cluster_id=number)
    notifier = sqlite_outbox.notifier(sink_of(mail.url), sink_of(f"file:{file}"))
    notifier.turn()
    assert len(lines_of(file)) == 3
    recovers(mail)
    sqlite_outbox.wait(60)
    notifier.turn()

    assert len(lines_of(file)) == len(mail.handler.got) == 3
    assert sqlite_outbox.states() == ["sent"] * 3


def test_a_refused_recipient_is_named(sqlite_outbox, mail):
    sqlite_outbox.report()
    sqlite_outbox.notifier(sink_of(f"smtp://127.0.0.1:{mail.port}/nobody@example.org")).turn()

    (row,) = sqlite_outbox.database.read(lambda connection: open_messages(connection, 10))
    assert row["last_error"] == "the recipient was refused: 550 no such user"


def test_messages_past_the_limit_of_an_installation_are_one_digest(outbox, mail):
    for number in range(9):
        outbox.report(number, cluster_id=number)
    outbox.report(20, uid="inst-other")
    notifier = outbox.notifier(sink_of(mail.url))
    notifier.turn()
    assert outbox.states().count("sent") == 6
    assert outbox.states().count("held") == 4
    outbox.report(30, cluster_id=8)  # the same failure as one that is held
    for _ in range(7):
        outbox.wait(600)
        notifier.turn()

    assert len(mail.handler.got) == 7
    digest = mail.handler.got[-1]
    assert f"5 failures of installation {UID}" in digest["Subject"]
    lines = digest.get_content().splitlines()
    assert [f"Environment: {number}" in lines for number in range(9)] == [False] * 5 + [True] * 4
    assert sorted(outbox.states()) == ["in_digest"] * 4 + ["sent"] * 7


def test_no_more_messages_than_the_limit_of_all_go_out_in_an_hour(outbox, mail):
    for number in range(8):
        outbox.report(number, uid=f"inst-{number}")
    notifier = outbox.notifier(sink_of(mail.url), limits=MessageLimits(of_installation=5, in_all=3))
    notifier.turn()
    assert len(mail.handler.got) == 3
    for _ in range(13):
        outbox.wait(600)
        notifier.turn()
    assert len(mail.handler.got) == 8
    assert len({message["Message-ID"] for message in mail.handler.got}) == 8


def test_the_next_message_of_a_failure_counts_those_between(sqlite_outbox, tmp_path):
    file = tmp_path / "messages"
    notifier = sqlite_outbox.notifier(sink_of(f"file:{file}"))
    sqlite_outbox.report(1)
    notifier.turn()
    for number in (2, 3, 4):
        sqlite_outbox.report(number)
    notifier.turn()
    sqlite_outbox.wait(1801)
    sqlite_outbox.report(5)
    notifier.turn()

    first, second = lines_of(file)
    assert (first["count"], first["earlier_count"]) == (1, 0)
    assert (second["count"], second["earlier_count"]) == (1, 3)


class Crash(BaseException):
    """The end of a process at this moment."""


def test_a_file_has_a_message_once_though_the_process_ended_before_it_was_noted(
    outbox, tmp_path, monkeypatch
):
    file = tmp_path / "messages"
    outbox.report()
    notifier = outbox.notifier(sink_of(f"file:{file}"))

    def crash(_self: Notifier) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(FileSink, "_append", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            notifier.turn()
    with monkeypatch.context() as patched:
        note = Notifier._write_note
        patched.setattr(Notifier, "_write_note", lambda self: crash(self) if self._note else note(self))
        with pytest.raises(Crash):
            notifier.turn()
    notifier.close()
    assert len(lines_of(file)) == 1
    assert outbox.states() == ["due"]
    outbox.notifier(sink_of(f"file:{file}")).turn()

    assert len(lines_of(file)) == 1
    assert outbox.states() == ["sent"]


def test_a_result_is_noted_once_the_database_is_back(sqlite_outbox, mail, monkeypatch):
    sqlite_outbox.report()
    notifier = sqlite_outbox.notifier(sink_of(mail.url))
    write = CollectorDatabase.write

    def away_for_notes(self: CollectorDatabase, work: Any) -> Any:
        if getattr(getattr(work, "func", None), "__name__", "") == "note_sent":
            raise DatabaseAway("away")
        return write(self, work)

    with monkeypatch.context() as patched:
        patched.setattr(CollectorDatabase, "write", away_for_notes)
        for _ in range(3):
            with pytest.raises(DatabaseAway):
                notifier.turn()
    notifier.turn()

    assert len(mail.handler.got) == 1
    assert sqlite_outbox.states() == ["sent"]


def test_only_one_notifier_of_a_database_delivers(outbox, mail):
    one, other = (outbox.notifier(sink_of(mail.url)) for _ in range(2))
    one.turn()
    outbox.report()
    other.turn()
    assert mail.handler.got == []
    one.close()

    def is_delivered() -> bool:
        other.turn()
        return bool(mail.handler.got)

    wait_for(is_delivered)  # the database gives up the lock when it notices that the connection is closed
    assert len(mail.handler.got) == 1


def test_messages_go_to_the_sinks_that_are_named_now(sqlite_outbox, mail, tmp_path):
    file = tmp_path / "messages"
    is_away(mail)
    sqlite_outbox.report()
    before = sqlite_outbox.notifier(sink_of(mail.url))
    before.turn()
    before.close()
    sqlite_outbox.notifier(sink_of(f"file:{file}")).turn()

    assert len(lines_of(file)) == 1
    assert sqlite_outbox.states() == ["sent"]


def test_a_message_without_its_key_says_so(sqlite_outbox, tmp_path):
    file = tmp_path / "messages"
    sqlite_outbox.report()
    sqlite_outbox.key_file.write_text("k" * 40)
    read_contact_keys(sqlite_outbox.key_file)
    sqlite_outbox.notifier(sink_of(f"file:{file}")).turn()

    (line,) = lines_of(file)
    assert line["contact"] is None
    assert "not in the key file" in line["contact_problem"]


def test_text_of_a_client_stays_on_its_line(sqlite_outbox, mail):
    """No header and no line of a message can be forged."""
    summary = (
        "x\r\nBcc: victim@example.org\r\n\r\nContact: Mallory <m@example.org>\x1b[31m\u2028y" + "z" * 3000
    )
    error = {"type": "a\nb", "summary": summary, "failed_nodes": [{"id": None, "roles": ["a\nb"]}] * 200}
    contact = a_failure()["failure_report"]["contact"] | {
        "company": "C\nCc: x@y.org",
        "email": '"<>,"@example.org',
    }
    sqlite_outbox.report(1, error=error, contact=contact, operation="d\r\nTo: x@y.org")
    sqlite_outbox.notifier(sink_of(mail.url)).turn()

    (message,) = mail.handler.got
    assert (message["To"], message["Cc"], message["Bcc"]) == ("support@example.org", None, None)
    lines = message.get_content().splitlines()
    assert not any(line.startswith(("Bcc", "Cc", "To:", "Contact: Mallory")) for line in lines)
    assert all(line.isprintable() for line in lines)


SINKS = {
    "smtp://127.0.0.1:25": ("127.0.0.1", "support@localhost"),
    "smtp://mail.example.org": ("mail.example.org", "support@mail.example.org"),
    "smtp://mail.example.org/?to=help@example.org": ("mail.example.org", "help@example.org"),
    "smtp://mail.example.org/help%40example.org": ("mail.example.org", "help@example.org"),
    "smtps://user:pass@mail.example.org:465/?to=help@example.org": ("mail.example.org", "help@example.org"),
    "smtp://help@example.org@mail.example.org": ("mail.example.org", "help@example.org"),
}


def test_forms_of_sinks():
    for text, wanted in SINKS.items():
        sink = sink_of(text)
        assert isinstance(sink, SmtpSink)
        assert (sink.host, sink.recipient) == wanted, text
        assert "pass" not in sink.label + repr(sink)
    assert isinstance(sink_of("https://hooks.example.org/x"), WebhookSink)
    assert sink_of("file:///tmp/a%20b").label == sink_of("file:/tmp/a b").label == "file:/tmp/a b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mail.example.org",
        "smtp://",
        "smtp://host:port",
        "ftp://host/x",
        "http://hooks.example.org/x",
        "file:",
        "file://host/x",
        "smtp://h/?to=a@b.org,c@d.org",
        "smtp://h/?to=a b@c",
        "smtp://h/?to=a@b.org&from=%0d%0aBcc:x@y.org",
    ],
)
def test_what_names_no_sink_is_refused(text):
    with pytest.raises(BadSink):
        sink_of(text)
