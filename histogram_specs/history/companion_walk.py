"""Walks the logs of a repository's other definition files: Scalars.yaml, Events.yaml and so on."""

from collections.abc import Callable
from datetime import datetime

from histogram_specs.definition_files import COMPANION_PATHS
from histogram_specs.errors import RevisionMissing, SourceUnreachable
from histogram_specs.history.companion_store import CompanionStore
from histogram_specs.history.file_log import all_at_once, file_log_pages
from histogram_specs.history.hgweb import HgWeb
from histogram_specs.history.store import FileVersion

TEXTS_AT_ONCE = 4


class CompanionWalk:
    """
    The other definition files of one repository being brought up to date.

    What was in force is the newest version before a changeset in the order of the walk: a merge of
    branches that both touched a file may be a few changesets off.
    """

    def __init__(
        self,
        store: CompanionStore,
        hgweb: HgWeb,
        repository_id: int,
        progress: Callable[[str, int, int], None],
    ) -> None:
        self._store = store
        self._hgweb = hgweb
        self._repository_id = repository_id
        self._progress = progress

    async def run(self, head: bytes, since: datetime | None) -> None:
        """
        Fetch the logs up to *head*, and the texts that are not here.

        Args:
            since: The version in force then is the oldest that is fetched; None: all are.

        Raises:
            SourceUnreachable: It broke off; what was fetched until then is kept.
        """
        for name, path in COMPANION_PATHS.items():
            versions = await self._log(name, path, head, since)
            self._store.add_versions(self._repository_id, name, versions)
        await self._fetch_texts()
        self._store.finish(self._repository_id, head)

    async def _log(self, name: str, path: str, head: bytes, since: datetime | None) -> list[FileVersion]:
        known = self._store.nodes(self._repository_id, name)
        earliest = None if since is None else since.timestamp()
        found: list[FileVersion] = []
        async for page in file_log_pages(self._hgweb, head, path):
            for version in page:
                if version.node in known:
                    return found
                found.append(version)
                if earliest is not None and version.pushed_at <= earliest:
                    return found
        return found

    async def _fetch_texts(self) -> None:
        lacking = self._store.without_text(self._repository_id)
        waiting = iter(lacking)
        failures: list[SourceUnreachable] = []
        done = 0

        async def work() -> None:
            nonlocal done
            while not failures and (one := next(waiting, None)) is not None:
                try:
                    await self._fetch_text(*one)
                except SourceUnreachable as error:
                    failures.append(error)
                    return
                done += 1
                self._progress("other texts", done, len(lacking))

        await all_at_once(work() for _ in range(TEXTS_AT_ONCE))
        if failures:
            raise failures[0]

    async def _fetch_text(self, name: str, node: bytes) -> None:
        try:
            text = await self._hgweb.spec_text(node, COMPANION_PATHS[name])
        except RevisionMissing as error:
            # The changeset removed the file: nothing is in force from here on.
            self._store.add_text(self._repository_id, name, node, None, str(error))
            return
        self._store.add_text(self._repository_id, name, node, text)
