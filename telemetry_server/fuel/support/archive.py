"""What support sees of failure reports, with their contacts opened."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from telemetry_server.fuel.contacts.contact_keys import (
    BadContactKeys,
    ContactKeyFile,
    ContactUnreadable,
    SealedContact,
)
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.contacts import contact_of, owner_of_uid
from telemetry_server.fuel.database.failure_filter import FailureFilter
from telemetry_server.fuel.database.failure_reads import (
    MessageProgress,
    StoredFailure,
    list_failures,
)


@dataclass(frozen=True, slots=True)
class FailurePage:
    """A page of the list."""

    items: list[dict[str, Any]]
    after: tuple[datetime, str] | None  # where the next page begins; None at the end


class FailureArchive:
    """
    Reads failure reports.  Thread-safe; nothing is connected before the first question.

    Args:
        database_url: Of the collector's database.
    """

    def __init__(self, database_url: str, contact_key_file: Path) -> None:
        self._database = CollectorDatabase(database_url, connections=2, only_reads=True)
        self._keys = ContactKeyFile(contact_key_file, creates=False)

    def page(self, wanted: FailureFilter, limit: int) -> FailurePage:
        """
        Return failures, the newest first.

        Raises:
            DatabaseAway: The database does not answer.
        """
        found = self._database.read(lambda connection: list_failures(connection, wanted, limit + 1))
        items = [self._item(failure, progress) for failure, progress in found[:limit]]
        last = found[limit - 1][0] if len(found) > limit else None
        return FailurePage(items, None if last is None else (last.received_at, last.report_id))

    def contact_of(self, uid: str) -> dict[str, Any] | None:
        """
        Return the contact that the structure of an installation came with; None if there is none to read.

        Raises:
            DatabaseAway: The database does not answer.
        """
        owner = owner_of_uid(uid)
        found = self._database.read(lambda connection: contact_of(connection, owner))
        if found is None:
            return None
        try:
            return self._opened(owner, found.key_id, found.sealed)
        except (BadContactKeys, ContactUnreadable):
            return None

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def _item(self, failure: StoredFailure, progress: MessageProgress | None) -> dict[str, Any]:
        contact, problem = self._contact(failure)
        return {
            "report_id": failure.report_id,
            "received_at": failure.received_at.isoformat(),
            "occurred_at": None if failure.occurred_at is None else failure.occurred_at.isoformat(),
            "master_node_uid": failure.master_node_uid,
            "cluster_id": failure.cluster_id,
            "operation": failure.operation,
            "external_id": failure.external_id,
            "error": failure.error,
            "environment": failure.environment,
            "contact": contact,
            "contact_problem": problem,
            "message": None
            if progress is None
            else {"state": progress.state, "times": progress.times, "deliveries": list(progress.sinks)},
        }

    def _contact(self, failure: StoredFailure) -> tuple[dict[str, Any] | None, str | None]:
        if failure.key_id is None or failure.sealed is None:
            return None, "removed"
        try:
            return self._opened(failure.report_id, failure.key_id, failure.sealed), None
        except (BadContactKeys, ContactUnreadable) as error:
            return None, str(error)

    def _opened(self, owner: str, key_id: str, sealed: bytes) -> dict[str, Any]:
        text = self._keys.keys().opened(owner, SealedContact(key_id, sealed))
        found: dict[str, Any] = orjson.loads(text)
        return found
