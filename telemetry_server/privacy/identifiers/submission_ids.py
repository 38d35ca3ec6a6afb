"""The ids in a submission: its own, and all that it mentions."""

import base64
import re
from collections.abc import Iterator
from uuid import UUID

from storage.raw.submission import Submission
from telemetry_server.pings.submit_path import document_id_of
from telemetry_server.privacy.identifiers.gzip_members import GZIP_MAGIC, inflated
from telemetry_server.privacy.identifiers.uuid_texts import uuids_in

MAX_LAYERS = 3
_BODY = re.compile(rb'"body_base64":\s*"([A-Za-z0-9+/=]*)"')


def own_uuid(path: str) -> bytes | None:
    """Return the document id in a submit path as 16 bytes; None if it has none that is a UUID."""
    found = document_id_of(path)
    try:
        return None if found is None or len(found) != 36 else UUID(found).bytes
    except ValueError:
        return None


def texts_of(body: bytes) -> Iterator[bytes]:
    """Yield *body* and what is compressed in it, as far as it can be inflated."""
    for _ in range(MAX_LAYERS):
        yield body
        if not body.startswith(GZIP_MAGIC):
            return
        body = inflated(body)


def ids_in_submission(submission: Submission) -> set[bytes]:
    """Return every UUID that *submission* mentions: in path, query, headers and body."""
    words = [submission.path, submission.query, *submission.headers.values()]
    found = set(uuids_in("\n".join(words).encode("utf-8", "surrogatepass")))
    for text in texts_of(submission.body):
        found.update(uuids_in(text))
    return found


def ids_in_line(line: bytes) -> set[bytes]:
    """Return every UUID in a line of a record or of quarantine; the body of a refused ping is opened."""
    found = set(uuids_in(line))
    for body in _BODY.findall(line):
        try:
            data = base64.b64decode(body)
        except ValueError:
            continue
        for text in texts_of(data):
            found.update(uuids_in(text))
    return found


def own_uuid_of_line(line: bytes) -> bytes | None:
    """Return the document id of a line as 16 bytes; None if it is no UUID."""
    try:
        return UUID(line[: line.index(b"\t")].decode()).bytes if line[36:37] == b"\t" else None
    except ValueError:
        return None
