"""Seals contacts before they come near the database."""

from dataclasses import dataclass

from telemetry_server.fuel.contacts.contact_keys import BadContactKeys, ContactKeyFile
from telemetry_server.fuel.database.contacts import StoredContact, owner_of_uid
from telemetry_server.observability.fuel_events import FuelContactsRefused


@dataclass(slots=True)
class ContactSealer:
    """
    Seals with the key file; without one no contact is stored.

    Args:
        keys: The key file.
    """

    keys: ContactKeyFile | None = None
    is_noted: bool = False  # that the key file cannot be used: one event is enough

    def sealed(self, owner: str, uid: str, contact: bytes) -> StoredContact | None:
        """Return *contact* as it is stored; None where it cannot be sealed now."""
        try:
            if self.keys is None:
                raise BadContactKeys("the key file is missing")
            found = self.keys.keys().seal(owner, contact)
        except BadContactKeys as error:
            if not self.is_noted:
                FuelContactsRefused(str(error)).emit()
            self.is_noted = True
            return None
        self.is_noted = False
        return StoredContact(owner, uid, found.key_id, found.sealed)

    def of_installation(self, uid: str, contact: bytes | None) -> StoredContact | None:
        """Return the contact of a structure as it is stored; None for none, or where it cannot be sealed."""
        return None if contact is None else self.sealed(owner_of_uid(uid), uid, contact)
