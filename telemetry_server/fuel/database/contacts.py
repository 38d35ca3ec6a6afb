"""Contacts: personal data in a table of its own, sealed before it comes here."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from telemetry_server.fuel.database.contact_age import KEPT_CONTACT_DAYS
from telemetry_server.fuel.database.engine import insert_of
from telemetry_server.fuel.database.tables import contacts


@dataclass(frozen=True, slots=True)
class StoredContact:
    """A sealed contact and whose it is."""

    owner: str  # the id of a failure report, or `owner_of_uid`
    master_node_uid: str
    key_id: str
    sealed: bytes


def owner_of_uid(uid: str) -> str:
    """Return the owner of the contact that an installation's structure carries."""
    return f"uid:{uid}"


def write_contact(connection: sa.Connection, contact: StoredContact, now: datetime) -> None:
    """Store *contact*; it replaces the one of the same owner."""
    values = {"key_id": contact.key_id, "sealed": contact.sealed, "received_at": now}
    statement = insert_of(connection)(contacts).values(
        owner=contact.owner, master_node_uid=contact.master_node_uid, **values
    )
    connection.execute(statement.on_conflict_do_update(index_elements=[contacts.c.owner], set_=values))


def remove_contact(connection: sa.Connection, owner: str) -> None:
    """Remove the contact of *owner*, if there is one."""
    connection.execute(sa.delete(contacts).where(contacts.c.owner == owner))


def contact_of(connection: sa.Connection, owner: str) -> StoredContact | None:
    """Return the contact of *owner*."""
    columns = (contacts.c.owner, contacts.c.master_node_uid, contacts.c.key_id, contacts.c.sealed)
    row = connection.execute(sa.select(*columns).where(contacts.c.owner == owner)).first()
    return None if row is None else StoredContact(row[0], row[1], row[2], bytes(row[3]))


def _too_old(now: datetime) -> sa.ColumnElement[bool]:
    return contacts.c.received_at < now - timedelta(days=KEPT_CONTACT_DAYS)


def count_old_contacts(connection: sa.Connection, now: datetime) -> int:
    """Return how many contacts came `KEPT_CONTACT_DAYS` ago."""
    counted = sa.select(sa.func.count()).select_from(contacts).where(_too_old(now))
    return int(connection.execute(counted).scalar_one())


def remove_old_contacts(connection: sa.Connection, now: datetime) -> int:
    """Remove contacts that came `KEPT_CONTACT_DAYS` ago; return how many."""
    return connection.execute(sa.delete(contacts).where(_too_old(now))).rowcount


def remove_contacts_of(connection: sa.Connection, uid: str) -> int:
    """Remove all contacts of one installation; return how many."""
    return connection.execute(sa.delete(contacts).where(contacts.c.master_node_uid == uid)).rowcount
