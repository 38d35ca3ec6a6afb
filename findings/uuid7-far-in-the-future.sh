#!/usr/bin/env bash
# uuid7 0.1.0 (Python) makes identifiers of version 7, which by RFC 9562 begin with the milliseconds since 1970.
# Expected: other libraries read the time at which an identifier was made, uuid7 reads theirs, and those of all
# clients sort by time.
# Seen: uuid7 writes seconds in 36 bits and a fraction after them, under the same version.  Each side reads
# the other's time wrong by more than 40 years, without an error, and all identifiers of uuid7 sort after the others.
# An identifier made at 2026-11-29 10:00 UTC:
#   made by             begins with   read by uuid6 2025.0.1 and uuid-utils 1.2.0   read by uuid7
#   uuid7               06b0bf7a      2203-02-10                                    2026-11-29
#   RFC 9562            01a226bf      2026-11-29                                    1983-11-23
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uuid7==0.1.0 uuid6==2025.0.1 uuid-utils==1.2.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import uuid
from datetime import UTC, datetime

import uuid6
import uuid_extensions
import uuid_utils

SECONDS = int(datetime(2026, 11, 29, 10, tzinfo=UTC).timestamp())
made = {
    "uuid7": uuid_extensions.uuid7(SECONDS * 10**9),
    "RFC 9562": uuid.UUID(int=SECONDS * 1000 << 80 | 7 << 76 | 1 << 63),
}
seen = {}
for maker, identifier in made.items():
    assert identifier.version == 7 and identifier.variant == uuid.RFC_4122
    milliseconds = uuid6.UUID(str(identifier)).time
    assert milliseconds == uuid_utils.UUID(str(identifier)).timestamp
    others = datetime.fromtimestamp(milliseconds / 1000, UTC)
    seen[maker] = [f"{others:%Y-%m-%d}", f"{uuid_extensions.uuid_to_datetime(identifier):%Y-%m-%d}"]
    print(f"{maker:<19} {str(identifier)[:8]:<13} {seen[maker][0]:<45} {seen[maker][1]}")
assert seen == {"uuid7": ["2203-02-10", "2026-11-29"], "RFC 9562": ["2026-11-29", "1983-11-23"]}, seen
assert made["uuid7"] > uuid6.uuid7()
PYTHON
echo "as described"
