"""Which key signs for an installation, and which nonces were used."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from telemetry_server.fuel.database.engine import insert_of
from telemetry_server.fuel.database.tables import signature_nonces, signing_keys
from telemetry_server.fuel.signatures.signing import MAX_CLOCK_DIFFERENCE_SECONDS, Signed

# A request with an older time stamp is refused for that.
KEPT_SECONDS = 3 * MAX_CLOCK_DIFFERENCE_SECONDS


def admit(connection: sa.Connection, signed: Signed, now: datetime) -> str | None:
    """
    Return why the request of *signed* is refused; None if it is the installation's and new.

    The first key that signs for a uid is bound to it, until it names a successor.
    """
    keys = signing_keys
    bind = insert_of(connection)(keys).values(
        master_node_uid=signed.uid, public_key=signed.public_key, bound_at=now
    )
    connection.execute(bind.on_conflict_do_nothing())
    bound = connection.execute(
        sa.select(keys.c.public_key).where(keys.c.master_node_uid == signed.uid)
    ).scalar_one()
    is_successor = False
    if bytes(bound) != signed.public_key:
        is_successor = signed.succeeds(bytes(bound))
        if not is_successor:
            return "another key is bound to this master_node_uid"
    nonces = signature_nonces
    use = insert_of(connection)(nonces).values(master_node_uid=signed.uid, nonce=signed.nonce, seen_at=now)
    used = connection.execute(use.on_conflict_do_nothing().returning(nonces.c.nonce)).scalar()
    if used is None:
        return "the nonce was used before"
    if is_successor:
        of_uid = sa.and_(keys.c.master_node_uid == signed.uid, keys.c.public_key == bytes(bound))
        connection.execute(sa.update(keys).where(of_uid).values(public_key=signed.public_key, bound_at=now))
    return None


def remove_old_nonces(connection: sa.Connection, now: datetime) -> int:
    """Remove nonces of requests that would be refused for their time stamp; return how many."""
    too_old = signature_nonces.c.seen_at < now - timedelta(seconds=KEPT_SECONDS)
    return connection.execute(sa.delete(signature_nonces).where(too_old)).rowcount
