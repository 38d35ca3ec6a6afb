"""
Reads the JSON pages of a Mercurial server: hgweb's ``json-*``.

``pushdate``, an addition of hg.mozilla.org, is the time when a changeset was pushed to the
repository.  Other servers do not have it; then the date of the commit is used.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from histogram_specs.errors import SourceUnreachable
from histogram_specs.history.store import FileVersion, LoggedChangeset
from histogram_specs.revision import SPEC_PATH
from histogram_specs.sources.http import HttpGetter

LOG_PAGE = 1_000
FILE_LOG_PAGE = 200
# The answer includes the descriptions of a thousand changesets.
MAX_PAGE_BYTES = 16 * 2**20

_NODE = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class RepositoryHead:
    """The newest changeset, and the number of changesets."""

    node: bytes
    changesets: int


class HgWeb:
    """
    One repository of a Mercurial server.

    Every method raises what `HttpGetter.get` raises, and `SourceUnreachable` for an answer that
    does not have the form of hgweb's.
    """

    def __init__(
        self, getter: HttpGetter, server: str, repository: str, *, file_log_page: int = FILE_LOG_PAGE
    ) -> None:
        self._getter = getter
        self._file_log_page = file_log_page
        self._url = f"{server.rstrip('/')}/{repository}"

    async def head(self) -> RepositoryHead:
        """Return the newest changeset."""
        page = await self._page("json-log/tip?revcount=1")
        return RepositoryHead(_node(_part(page, "node", str)), _part(page, "changeset_count", int))

    async def log(self, first: int, last: int) -> list[LoggedChangeset]:
        """Return the changesets with the server's numbers *first* to *last*, parents before children."""
        changesets: list[LoggedChangeset] = []
        while len(changesets) < last - first + 1:
            top = last - len(changesets)
            page = await self._page(f"json-log/{top}?revcount={top - first + 1}")
            entries = _part(page, "changesets", list)
            if not entries:
                raise SourceUnreachable(f"{self._url}: no changeset {top} in its log")
            changesets += map(_changeset, entries)
        return changesets[last - first :: -1]

    async def date_of(self, number: int) -> int:
        """Return when the changeset with this number was pushed, in seconds since 1970."""
        page = await self._page(f"json-log/{number}?revcount=1")
        entries = _part(page, "changesets", list)
        if not entries:
            raise SourceUnreachable(f"{self._url}: no changeset {number} in its log")
        return _date(entries[0])

    async def file_log(
        self, node: bytes, count: int | None = None, path: str = SPEC_PATH
    ) -> list[FileVersion]:
        """Return the newest *count* changesets up to *node* that changed the file at *path*, newest first."""
        newest = f"revcount={count or self._file_log_page}"
        page = await self._page(f"json-filelog/{node.hex()}/{path}?{newest}")
        return [
            FileVersion(_node(_part(entry, "node", str)), _date(entry), _part(entry, "branch", str))
            for entry in _part(page, "entries", list)
        ]

    async def spec_text(self, node: bytes, path: str = SPEC_PATH) -> bytes:
        """Return the file at *path* as it is at *node*."""
        return await self._getter.get(f"{self._url}/raw-file/{node.hex()}/{path}")

    async def tags(self) -> list[tuple[str, bytes]]:
        """Return the changeset of each tag."""
        page = await self._page("json-tags")
        return [
            (_part(entry, "tag", str), _node(_part(entry, "node", str)))
            for entry in _part(page, "tags", list)
        ]

    async def _page(self, what: str) -> Mapping[str, Any]:
        body = await self._getter.get(f"{self._url}/{what}", MAX_PAGE_BYTES)
        try:
            page = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise SourceUnreachable(f"{self._url}/{what}: not JSON; is this a Mercurial server?") from None
        if not isinstance(page, dict):
            raise SourceUnreachable(f"{self._url}/{what}: not an answer of Mercurial")
        return page


def _part(entry: Any, key: str, kind: type[Any]) -> Any:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, kind):
        raise SourceUnreachable(f"the server's answer does not have {key!r}, as an answer of Mercurial would")
    return value


def _node(text: str) -> bytes:
    if not _NODE.fullmatch(text):
        raise SourceUnreachable(f"{text!r:.60} in the server's answer is not a changeset")
    return bytes.fromhex(text)


def _changeset(entry: Any) -> LoggedChangeset:
    parents = tuple(_node(parent) for parent in _part(entry, "parents", list))
    return LoggedChangeset(_node(_part(entry, "node", str)), parents)


def _date(entry: Any) -> int:
    date = entry.get("pushdate") or _part(entry, "date", list)
    if not isinstance(date, list) or not date or not isinstance(date[0], int | float):
        raise SourceUnreachable("the server's answer does not have a usable date")
    return int(date[0])
