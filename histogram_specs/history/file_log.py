"""The log of one file of a repository, page by page."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any, TypeVar

from histogram_specs.errors import RevisionMissing
from histogram_specs.history.hgweb import HgWeb
from histogram_specs.history.store import FileVersion
from histogram_specs.revision import SPEC_PATH

Result = TypeVar("Result")


async def file_log_pages(
    hgweb: HgWeb, node: bytes, path: str = SPEC_PATH
) -> AsyncIterator[list[FileVersion]]:
    """Yield the log of a file up to *node*, newest first, page by page; nothing where it is absent."""
    seen: set[bytes] = set()
    while True:
        try:
            page = await hgweb.file_log(node, path=path)
        except RevisionMissing:
            return
        new = [version for version in page if version.node not in seen]
        if not new:
            return
        yield new
        seen.update(version.node for version in new)
        node = page[-1].node


async def all_at_once(work: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Do all of *work* at once; the first failure ends the rest and is raised as itself."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
