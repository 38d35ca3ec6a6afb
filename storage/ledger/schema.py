"""The ledger's tables and their purpose."""

from storage.ledger.archived_files import ARCHIVE_TABLES
from storage.ledger.forgotten_schema import FORGOTTEN
from storage.ledger.table_files import TABLE_FILES

# Upgrade of a ledger without `since`: its waits begin when it is opened.
ADD_SINCE = """
ALTER TABLE pending ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
UPDATE pending SET since = unixepoch();
"""

# Upgrade of a ledger of version 2: its Parquet files have another layout, so the records are read back.
FORGET_TABLES = """
INSERT OR IGNORE INTO doubtful SELECT 'tables/' || table_name || '/' || day || '/' || name FROM table_files;
DELETE FROM table_files;
DELETE FROM tabled;
"""

# When the latest ping of each client came, for doctypes whose pings should not come too often.
ARRIVALS = """
CREATE TABLE IF NOT EXISTS arrivals (
    scope_id        INTEGER NOT NULL,
    client          BLOB NOT NULL,  -- a digest of its id
    at              INTEGER NOT NULL,  -- µs since 1970
    day             INTEGER NOT NULL,  -- when it was stored, YYYYMMDD
    PRIMARY KEY (scope_id, client)
) STRICT, WITHOUT ROWID;
"""

TABLES = """
-- How far each raw segment was read.  `records` counts its submissions up to `position`.
CREATE TABLE IF NOT EXISTS segments (
    segment_id      INTEGER PRIMARY KEY,
    name            TEXT NOT NULL UNIQUE,
    position        INTEGER NOT NULL,
    records         INTEGER NOT NULL,
    finished        INTEGER NOT NULL
) STRICT;

-- Every file below converted/ and quarantine/ that exists for readers, with its committed
-- length: bytes past it are of a commit that never was.
CREATE TABLE IF NOT EXISTS files (
    file_id         INTEGER PRIMARY KEY,
    directory       TEXT NOT NULL,
    name            TEXT NOT NULL,
    length          INTEGER NOT NULL,
    records         INTEGER NOT NULL,
    frames          INTEGER NOT NULL,
    closed          INTEGER NOT NULL,
    schema_id       INTEGER NOT NULL,
    UNIQUE (directory, name)
) STRICT;
CREATE INDEX IF NOT EXISTS open_files ON files (directory) WHERE closed = 0;

-- Partition schemas that were ever used.
CREATE TABLE IF NOT EXISTS schemas (
    schema_id       INTEGER PRIMARY KEY,
    schema          TEXT NOT NULL UNIQUE
) STRICT;

-- Segments that were converted and removed, as ranges of numbers: one that reappears (raw/ restored
-- from a backup) is not read again.
CREATE TABLE IF NOT EXISTS swept (
    series          TEXT NOT NULL,
    first           INTEGER NOT NULL,
    last            INTEGER NOT NULL,
    PRIMARY KEY (series, first)
) STRICT, WITHOUT ROWID;

-- Which data root this ledger is of.
CREATE TABLE IF NOT EXISTS root (
    only            INTEGER PRIMARY KEY CHECK (only = 1),
    root_id         TEXT NOT NULL
) STRICT;

-- Numbers that are given out once, and the clock that expiry goes by (`clock_…`, s since 1970).
CREATE TABLE IF NOT EXISTS counters (
    name            TEXT PRIMARY KEY,
    value           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Files about to appear or disappear: recovery removes those that are not in `files`.
CREATE TABLE IF NOT EXISTS doubtful (
    path            TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS scopes (
    scope_id        INTEGER PRIMARY KEY,
    namespace       TEXT NOT NULL,
    doctype         TEXT NOT NULL,
    UNIQUE (namespace, doctype)
) STRICT;

CREATE TABLE IF NOT EXISTS directories (
    directory_id    INTEGER PRIMARY KEY,
    directory       TEXT NOT NULL UNIQUE
) STRICT;

-- Ids of stored pings.  The key keeps one id's rows together, so one probe finds them all.
CREATE TABLE IF NOT EXISTS seen (
    document_id     BLOB NOT NULL,
    scope_id        INTEGER NOT NULL,
    digest          INTEGER NOT NULL,
    day             INTEGER NOT NULL,
    directory_id    INTEGER NOT NULL,
    PRIMARY KEY (document_id, scope_id)
) STRICT, WITHOUT ROWID;

-- What became of submissions that were not stored, for `explain`.
CREATE TABLE IF NOT EXISTS refused (
    document_id     BLOB NOT NULL,
    received_at     TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    reason          TEXT NOT NULL,
    detail          TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS refused_by_id ON refused (document_id);

-- Submissions read but not judged: their bytes stay in raw/.
CREATE TABLE IF NOT EXISTS pending (
    pending_id      INTEGER PRIMARY KEY,
    document_id     BLOB,
    segment_id      INTEGER NOT NULL,
    offset          INTEGER NOT NULL,
    length          INTEGER NOT NULL,
    day             TEXT NOT NULL,
    revision        TEXT NOT NULL,
    since           INTEGER NOT NULL DEFAULT 0  -- when the wait began, s since 1970
) STRICT;
CREATE INDEX IF NOT EXISTS pending_by_revision ON pending (revision);
CREATE INDEX IF NOT EXISTS pending_by_id ON pending (document_id);

-- The books: counts by day (YYYYMMDD of arrival).
CREATE TABLE IF NOT EXISTS tally (
    day             TEXT NOT NULL,
    entry           TEXT NOT NULL,
    reason          TEXT NOT NULL,
    count           INTEGER NOT NULL,
    PRIMARY KEY (day, entry, reason)
) STRICT, WITHOUT ROWID;
"""

TABLES += ARRIVALS + TABLE_FILES + FORGOTTEN + ARCHIVE_TABLES
