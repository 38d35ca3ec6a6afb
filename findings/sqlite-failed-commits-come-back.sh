#!/usr/bin/env bash
# SQLite 3.51.1 (pysqlite3-binary 0.5.4.post2) in WAL mode with synchronous=FULL.  The sync of the log fails once with
# EIO in the second commit, as it does on a disk with a bad block.  A small library in C in place of the disk does that.
# Expected: the commit that raised "disk I/O error" is not there, whoever opens the database later.
# Seen: the connection that failed and a second one see the state before.  After the process was killed, the next one
# that opens the database reads the failed commit as done, since the log has all of it.  If another commit succeeds
# before the process ends, the failed one does not come back.  So what is outside of the database (files, answers to
# clients) must not be taken back before another commit has succeeded:
#   commit 2: disk I/O error; this connection sees 1, a second one sees 1; after the end: 2
#   commit 2: disk I/O error; this connection sees 1, a second one sees 1; another commit; after the end: 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pysqlite3-binary==0.5.4.post2
cd "$folder"
cat >fails_once.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fails(int descriptor)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 4 || memcmp(path + length - 4, "-wal", 4) != 0)
        return 0;
    return unlink("fail-now") == 0;
}

int fdatasync(int descriptor)
{
    if (fails(descriptor)) {
        errno = EIO;
        return -1;
    }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(descriptor);
}

int fsync(int descriptor)
{
    if (fails(descriptor)) {
        errno = EIO;
        return -1;
    }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(descriptor);
}
C
gcc -shared -fPIC -o fails_once.so fails_once.c -ldl
cat >writer.py <<'PYTHON'
import os
import signal
import sys
from pathlib import Path

from pysqlite3 import dbapi2 as sqlite3

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA synchronous = FULL")
connection.execute("CREATE TABLE commits (number)")
connection.execute("CREATE TABLE others (number)")
connection.execute("INSERT INTO commits VALUES (1)")
Path("fail-now").touch()
try:
    connection.execute("UPDATE commits SET number = 2")
except sqlite3.OperationalError as error:
    print(f"commit 2: {error}; ", end="")
second = sqlite3.connect(sys.argv[1])
seen = [each.execute("SELECT number FROM commits").fetchone()[0] for each in (connection, second)]
print(f"this connection sees {seen[0]}, a second one sees {seen[1]}; ", end="")
if sys.argv[2] == "another":
    connection.execute("INSERT INTO others VALUES (1)")
    print("another commit; ", end="")
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
PYTHON
cat >reader.py <<'PYTHON'
import sys

from pysqlite3 import dbapi2 as sqlite3

print("after the end:", *sqlite3.connect(sys.argv[1]).execute("SELECT number FROM commits").fetchone())
PYTHON
for kind in none another; do
  (LD_PRELOAD=./fails_once.so venv/bin/python writer.py "$kind.db" "$kind" || true) 2>/dev/null
  venv/bin/python reader.py "$kind.db"
done | tee seen.txt
diff seen.txt - <<'EXPECTED'
commit 2: disk I/O error; this connection sees 1, a second one sees 1; after the end: 2
commit 2: disk I/O error; this connection sees 1, a second one sees 1; another commit; after the end: 1
EXPECTED
echo "as described"
