"""Which submissions a data root takes, where several share the work of one queue."""

import re
from dataclasses import dataclass

from storage.checksums.checksum import crc32c

MAX_SHARES = 256
_SHARE = re.compile(r"([1-9][0-9]{0,2})/([1-9][0-9]{0,2})\Z")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True)
class Share:
    """Share *number* of *of*: all submissions of a document id fall to the same share."""

    number: int = 1
    of: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def is_all(self) -> bool:
        """Whether there is one share only."""
        return self.of == 1

    def holds(self, path: str, body: bytes) -> bool:
        """Return whether a submission falls to this share: by the id in *path*, without one by the rest."""
        if self.of == 1:
            return True
        found = _UUID.search(path)
        # The case of an id does not count.
        text = found[0].lower().encode() if found else path.encode("utf-8", "surrogatepass") + body
        return int(crc32c(text)) % self.of == self.number - 1


def parse_share(text: str) -> Share:
    """
    Return the share that *text* (``2/3``: the second of three) names.

    Raises:
        ValueError: It is not a share.
    """
    found = _SHARE.match(text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]) <= MAX_SHARES:
        raise ValueError(f"must be a share like 1/2, at most {MAX_SHARES} of them")
    return Share(int(found[1]), int(found[2]))
