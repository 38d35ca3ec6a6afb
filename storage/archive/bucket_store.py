"""An archive in a bucket: S3 and what speaks its protocol, Google Cloud Storage, Azure; by obstore."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.archive.object_store import NoObject
from storage.errors import ArchiveAway, ArchiveFull, ArchiveRefused

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Bucket

CHUNK_BYTES = 4 << 20
PUT_AT_ONCE_BYTES = 32 << 20
MAX_RETRIES = 3
RETRY_SECONDS = 30
CONNECT_SECONDS = 10
REQUEST_SECONDS = 120
MAX_MESSAGE_CHARACTERS = 400
_FULL = re.compile(r"\b507\b|InsufficientStorage|QuotaExceeded|StorageFull|NoSpace|OverQuota", re.IGNORECASE)
_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist", re.IGNORECASE)
_REFUSED = re.compile(
    r"InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|AccessDenied|no credential", re.IGNORECASE
)


def opened_bucket(url: str) -> "BucketStore":
    """
    Return the store at *url*, such as ``s3://bucket/prefix``; nothing is read yet.

    Credentials, region and endpoint are those of the environment (``AWS_ACCESS_KEY_ID``, ``AWS_REGION``,
    ``AWS_ENDPOINT_URL``, …).

    Raises:
        ArchiveRefused: obstore is not installed, or cannot use the address.
    """
    try:
        from obstore.store import from_url
    except ImportError:
        raise ArchiveRefused(f"{url} needs obstore: pip install 'telemetry-server[archive]'") from None
    options: Any = {
        "timeout": timedelta(seconds=REQUEST_SECONDS),
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
    }
    config: Any = {}
    if url.startswith("s3"):
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
        if endpoint:
            config["endpoint"] = endpoint
        if endpoint.startswith("http://"):
            options["allow_http"] = True
    retry: Any = {"max_retries": MAX_RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)}
    try:
        bucket = from_url(url, config=config, client_options=options, retry_config=retry)
    except Exception as error:  # obstore has no base class for what it finds wrong here
        raise ArchiveRefused(f"{url}: cannot be used: {_one_line(error)}") from None
    return BucketStore(url, bucket)


class BucketStore:
    """Objects below a prefix of a bucket."""

    def __init__(self, url: str, bucket: "Bucket") -> None:
        self._url = url
        self._bucket = bucket

    def read(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes of an object between two places."""
        import obstore

        with self._translated(key):
            return bytes(obstore.get_range(self._bucket, key, start=start, end=end))

    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield all bytes of an object."""
        import obstore

        with self._translated(key):
            stream = obstore.get(self._bucket, key).stream(min_chunk_size=CHUNK_BYTES)
            for chunk in stream:
                yield bytes(chunk)

    def put(self, key: str, data: bytes | Path) -> None:
        """Store an object, or replace it."""
        import obstore

        with self._translated(key):
            size = len(data) if isinstance(data, bytes) else data.stat().st_size
            obstore.put(self._bucket, key, data, use_multipart=size > PUT_AT_ONCE_BYTES)

    def put_new(self, key: str, data: bytes) -> bool:
        """Store an object; return False, with nothing changed, where one has the key."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._translated(key):
            try:
                obstore.put(self._bucket, key, data, mode="create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError, FileExistsError):
                return False
            return True

    def size(self, key: str) -> int | None:
        """Return the number of bytes of an object; None if there is none."""
        import obstore

        try:
            with self._translated(key):
                return int(obstore.head(self._bucket, key)["size"])
        except NoObject:
            return None

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        import obstore

        try:
            with self._translated(key):
                obstore.delete(self._bucket, key)
        except NoObject:
            return

    def remove_unfinished(self) -> None:
        """Do nothing: a bucket shows whole objects only, and its own rules end unfinished uploads."""

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        """Raise errors of the archive in place of those of obstore."""
        from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError

        place = f"{self._url}/{key}"
        try:
            yield
        except (FileNotFoundError, NotFoundError) as error:
            if _NO_BUCKET.search(str(error)):
                raise ArchiveRefused(f"{self._url}: the bucket does not exist; create it") from None
            raise NoObject(key) from None
        except (BaseError, OSError, ValueError) as error:
            text = _one_line(error)
            if _FULL.search(text):
                raise ArchiveFull(f"{self._url}: the archive is full; make room there ({text})") from None
            is_refused = isinstance(error, PermissionDeniedError | UnauthenticatedError | PermissionError)
            if is_refused or _REFUSED.search(text):
                raise ArchiveRefused(f"{place}: refused; check the credentials ({text})") from None
            raise ArchiveAway(f"{place}: the archive does not answer ({text})") from None


def _one_line(error: Exception) -> str:
    """Return what *error* says, without the details for developers."""
    return " ".join(str(error).partition("Debug source")[0].split())[:MAX_MESSAGE_CHARACTERS]
