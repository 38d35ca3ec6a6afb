"""The tables of a history in SQLite."""

SCHEMA = """
CREATE TABLE repositories (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  first_number INTEGER NOT NULL DEFAULT 0,  -- the server's numbers of the changesets that were walked
  next_number INTEGER NOT NULL DEFAULT 0,
  last_node BLOB,
  known_from INTEGER, known_until INTEGER   -- seconds since 1970, UTC
);
CREATE TABLE texts (digest TEXT PRIMARY KEY, packed BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE versions (
  id INTEGER PRIMARY KEY, repository_id INTEGER NOT NULL, node BLOB NOT NULL,
  pushed_at INTEGER NOT NULL, branch TEXT NOT NULL,
  digest TEXT, problem TEXT,                -- both NULL: its text was not fetched yet
  UNIQUE (repository_id, node)
);
CREATE TABLE changesets (
  node BLOB NOT NULL, repository_id INTEGER NOT NULL, position INTEGER NOT NULL,
  parents BLOB NOT NULL, version_id INTEGER NOT NULL,
  PRIMARY KEY (node, repository_id)
) WITHOUT ROWID;
CREATE INDEX in_order ON changesets (repository_id, position);
CREATE TABLE tags (
  repository_id INTEGER NOT NULL, tag TEXT NOT NULL, node BLOB NOT NULL, PRIMARY KEY (repository_id, tag)
) WITHOUT ROWID;
"""


# Added to a history of an earlier release when it is next written.
COMPANIONS = """
CREATE TABLE IF NOT EXISTS companion_versions (
  repository_id INTEGER NOT NULL, name TEXT NOT NULL, node BLOB NOT NULL, pushed_at INTEGER NOT NULL,
  position INTEGER NOT NULL DEFAULT -1,     -- of its changeset in the walk; -1: before the walk
  digest TEXT, problem TEXT,                -- both NULL: its text was not fetched yet
  PRIMARY KEY (repository_id, name, node)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS companion_walks (repository_id INTEGER PRIMARY KEY, head BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS companions_by_time ON companion_versions (repository_id, name, pushed_at);
CREATE INDEX IF NOT EXISTS companions_by_position ON companion_versions (repository_id, name, position);
"""
