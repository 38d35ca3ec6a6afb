"""Decides whether a submission is of a deleted client or document; for conversion processes."""

from storage.data_root import DataRoot
from storage.ledger.forgotten import IdKind
from storage.ledger.ledger import Ledger
from storage.raw.submission import Submission
from telemetry_server.privacy.identifiers.keyed_hash import IdHash, needed_key
from telemetry_server.privacy.identifiers.submission_ids import ids_in_submission, own_uuid


class ForgottenIds:
    """The forgotten ids of one data root, read again when their number of the ledger has risen."""

    def __init__(self, root: DataRoot) -> None:
        self._root = root
        self._version = 0
        self._hash: IdHash | None = None
        self._clients: set[bytes] = set()
        self._documents: set[bytes] = set()

    def follow(self, version: int) -> None:
        """
        Use the ids of *version*, as the ledger counts them; 0 where none was ever forgotten.

        Raises:
            StorageError: The ledger cannot be read.
            BadKey: The key is damaged or gone.
        """
        if version == self._version:
            return
        key = needed_key(self._root)
        with Ledger(self._root.ledger, read_only=True) as ledger:
            self._clients = ledger.forgotten_hashes(IdKind.CLIENT)
            self._documents = ledger.forgotten_hashes(IdKind.DOCUMENT)
        self._hash = IdHash(key)
        self._version = version

    def hold(self, submission: Submission) -> bool:
        """Return whether *submission* has a forgotten document id, or mentions a forgotten client."""
        if self._hash is None:
            return False
        of_uuid = self._hash.of_uuid
        own = own_uuid(submission.path)
        if own is not None and of_uuid(own) in self._documents:
            return True
        return bool(self._clients) and any(
            of_uuid(uuid) in self._clients for uuid in ids_in_submission(submission)
        )

    def hash_of(self, submission: Submission) -> bytes:
        """Return the hash of the document id; empty where it has none."""
        own = own_uuid(submission.path)
        return b"" if own is None or self._hash is None else self._hash.of_uuid(own)
