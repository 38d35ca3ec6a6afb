"""The tables of the ledger about deletion, and the names of its counters."""

FORGOTTEN = """
-- What orders deleted: keyed hashes of ids.  Submissions under these ids are never stored again.
CREATE TABLE IF NOT EXISTS forgotten (
    kind            INTEGER NOT NULL,
    hash            BLOB NOT NULL,
    PRIMARY KEY (kind, hash)
) STRICT, WITHOUT ROWID;

-- Submissions that were deleted and whose bytes are still in raw/.
CREATE TABLE IF NOT EXISTS removals (
    segment         TEXT NOT NULL,
    offset          INTEGER NOT NULL,
    PRIMARY KEY (segment, offset)
) STRICT, WITHOUT ROWID;

-- Orders to delete.
CREATE TABLE IF NOT EXISTS orders (
    order_id        INTEGER PRIMARY KEY,
    source          TEXT NOT NULL,
    namespace       TEXT NOT NULL,
    received_at     INTEGER NOT NULL,  -- s since 1970
    state           TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS open_orders ON orders (state) WHERE state <> 'done';

CREATE TABLE IF NOT EXISTS order_ids (
    order_id        INTEGER NOT NULL,
    kind            INTEGER NOT NULL,
    hash            BLOB NOT NULL,
    PRIMARY KEY (order_id, kind, hash)
) STRICT, WITHOUT ROWID;

-- What an order removed, by place.
CREATE TABLE IF NOT EXISTS order_counts (
    order_id        INTEGER NOT NULL,
    place           TEXT NOT NULL,
    count           INTEGER NOT NULL,
    PRIMARY KEY (order_id, place)
) STRICT, WITHOUT ROWID;
"""
VERSION_COUNTER = "forgotten"
ADOPTED_COUNTER = "orders adopted"


# A new ledger has no earlier orders to adopt: it notes each one as it arrives.
NO_EARLIER_ORDERS = f"INSERT OR REPLACE INTO counters VALUES ('{ADOPTED_COUNTER}', 1);"  # noqa: S608
