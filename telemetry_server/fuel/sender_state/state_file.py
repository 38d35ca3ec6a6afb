"""
The file of an installation's statistics: identifier, choices, and documents that wait or were sent.

It is one SQLite file that the recorder writes in every process of a product, and the sender reads in its own.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import local
from uuid import UUID, uuid4

import orjson

from telemetry_server.fuel.sender_state.choices import BadChoices, Choices, changed_choices

BUSY_SECONDS = 5.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL,
    cluster_id INTEGER NOT NULL DEFAULT 0,
    external_id INTEGER NOT NULL,
    item TEXT NOT NULL,
    day TEXT NOT NULL,
    recorded_on TEXT NOT NULL,
    is_complete INTEGER NOT NULL,
    is_sent INTEGER NOT NULL DEFAULT 0,
    is_quarantined INTEGER NOT NULL DEFAULT 0,
    refusals INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (kind, external_id, cluster_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS documents_unsent ON documents (kind, external_id, cluster_id)
    WHERE is_sent = 0 AND is_quarantined = 0;
"""
CHOICES, UID, SECRET, STRUCTURE = "choices", "master_node_uid", "secret", "structure"
SIGNING_SEED, PREVIOUS_SEED, UNPROVEN_KEY = "signing_seed", "previous_signing_seed", "unproven_key"


class StateFile:
    """
    An open state file.  Every thread gets a connection of its own.

    Opening creates what is missing: the file, the identifier, and a secret that never leaves it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connections = local()
        path.parent.mkdir(parents=True, exist_ok=True)
        # Private: it holds the secret.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        with self.writing() as connection:
            for statement in SCHEMA.split(";\n"):
                connection.execute(statement)
            self._create_fact(connection, UID, str(uuid4()))
            self._create_fact(connection, SECRET, os.urandom(32).hex())

    @property
    def uid(self) -> str:
        """The identifier of the installation; created once, never changed."""
        return str(UUID(self._need(UID)))

    @property
    def secret(self) -> bytes:
        """32 random bytes: the first signing key, and what pseudonyms are made with."""
        return bytes.fromhex(self._need(SECRET))

    def signing_seeds(self) -> tuple[bytes, bytes | None]:
        """Return the signing key, and the one before if it was changed."""
        present, previous = self.fact(SIGNING_SEED), self.fact(PREVIOUS_SEED)
        if not present or not previous:
            return self.secret, None
        return bytes.fromhex(present), bytes.fromhex(previous)

    def change_signing_key(self) -> bool:
        """Make a new signing key; False if no collector has accepted the last one yet."""
        if self.fact(UNPROVEN_KEY):
            return False
        present, _ = self.signing_seeds()
        with self.writing() as connection:
            for name, value in (
                (PREVIOUS_SEED, present.hex()),
                (SIGNING_SEED, os.urandom(32).hex()),
                (UNPROVEN_KEY, "1"),
            ):
                connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))
        return True

    def note_key_accepted(self) -> None:
        """Note that a collector has accepted a request that the present key signed."""
        if self.fact(UNPROVEN_KEY):
            self.set_fact(UNPROVEN_KEY, "")

    def choices(self) -> Choices:
        """Return the choices; where they are missing or damaged, those of a user who has not chosen."""
        text = self.fact(CHOICES)
        try:
            return Choices() if text is None else changed_choices(Choices(), orjson.loads(text))
        except (orjson.JSONDecodeError, BadChoices):
            return Choices(send_anonymous_statistic=False)

    def save_choices(self, choices: Choices) -> None:
        """Save *choices*."""
        self.set_fact(CHOICES, orjson.dumps(choices.as_json()).decode())

    def fact(self, name: str) -> str | None:
        """Return a stored text; None if there is none."""
        row = self.connection().execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        """Store a text."""
        with self.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def add_to_fact(self, name: str, amount: int) -> None:
        """Add *amount* to a stored number."""
        with self.writing() as connection:
            connection.execute(
                "INSERT INTO facts (name, value) VALUES (?1, ?2)"
                " ON CONFLICT (name) DO UPDATE SET value = value + ?2",
                (name, amount),
            )

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection, in autocommit mode."""
        found: sqlite3.Connection | None = getattr(self._connections, "connection", None)
        if found is None:
            found = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            found.execute("PRAGMA journal_mode=WAL")
            # What the recorder has returned from survives a power cut.
            found.execute("PRAGMA synchronous=FULL")
            self._connections.connection = found
        return found

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection within a transaction."""
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connection of this thread."""
        found: sqlite3.Connection | None = getattr(self._connections, "connection", None)
        if found is not None:
            found.close()
            self._connections.connection = None

    @staticmethod
    def _create_fact(connection: sqlite3.Connection, name: str, value: str) -> None:
        connection.execute("INSERT OR IGNORE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def _need(self, name: str) -> str:
        value = self.fact(name)
        assert value is not None  # created when the file was opened
        return value


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)
