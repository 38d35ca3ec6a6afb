"""
Carries out orders to delete.

An order goes through states that the ledger keeps: begun (its ids count as forgotten, so nothing new of them
is stored), found (its documents are known and gone from the ledger), done.  Every step can be repeated, and
each file is replaced in one commit, so a run that was killed is finished by the next one.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from importlib.util import find_spec

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.forgotten import IdKind, OrderState
from storage.ledger.opening import open_ledger
from storage.lock import FileLock
from storage.partitions.writer import remove_doubtful
from telemetry_server.archive.rewriting import ArchivedFiles
from telemetry_server.privacy.damaged_files import DamagedFile, damage_of
from telemetry_server.privacy.forget_files import forget_lines
from telemetry_server.privacy.forget_find import Found, enter, find
from telemetry_server.privacy.forget_index import ForgetIndex
from telemetry_server.privacy.forget_preview import counted
from telemetry_server.privacy.forget_raw import forget_raw
from telemetry_server.privacy.forget_report import AGGREGATES, NO_FUEL, RAW, FuelUrls, Report
from telemetry_server.privacy.forget_scan import ScanResult, scan_all
from telemetry_server.privacy.forget_sqlite import DatabaseInUse, rewrite_database
from telemetry_server.privacy.forget_strays import forget_strays
from telemetry_server.privacy.forget_wanted import Wanted, wanted_of
from telemetry_server.privacy.identifiers.keyed_hash import IdHash, ensure_key, needed_key
from telemetry_server.privacy.orders import (
    ANY_NAMESPACE,
    DONE_ONCE,
    due_orders,
    numbers_of,
    record_of,
    write_record,
)
from telemetry_server.privacy.orders_adoption import adopt_orders
from telemetry_server.privacy.places import Forgetting, indexed_files

LOCK_NAME = "forget.lock"
OPEN = (OrderState.BEGUN, OrderState.FOUND)


class Forgetter:
    """
    Deletes from one data root.

    Args:
        fuel: Databases to delete installations from.
        opens_bodies: Look for clients in the bodies of raw/ too: for data whose lines do not name them.
        wait_seconds: How long to wait for a segment that a server writes to.
        on_step: Called with the name of each step.
    """

    def __init__(
        self,
        root: DataRoot,
        disk: Disk,
        *,
        fuel: FuelUrls = NO_FUEL,
        opens_bodies: bool = False,
        wait_seconds: float = 0.0,
        on_step: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._root = root
        self._disk = disk
        self._fuel = fuel
        self._opens_bodies = opens_bodies
        self._wait_seconds = wait_seconds
        self._on_step = on_step
        self._clock = clock

    def forget(self, clients: Sequence[str], documents: Sequence[bytes]) -> Report:
        """
        Delete everything of *clients* and *documents* now, and what earlier runs left.

        Raises:
            OSError, StorageError: The disk refuses; the next run goes on.
        """
        with self._opened() as context:
            with context.lock.held(), context.ledger.transaction() as transaction:
                order = transaction.add_order(DONE_ONCE, ANY_NAMESPACE, int(self._clock()), OrderState.BEGUN)
                transaction.add_order_ids(order, IdKind.CLIENT, map(context.hash.of_text, clients))
                transaction.add_order_ids(order, IdKind.DOCUMENT, map(context.hash.of_uuid, documents))
                transaction.forget_ids(order)
            return self._carry_out(context, dict.fromkeys(documents, order))

    def carry_out(self, delay_days: float = 0.0) -> Report:
        """Carry out the orders whose delay is over, and what earlier runs left; raises as above."""
        with self._opened() as context:
            with context.lock.held():
                adopt_orders(context)
                due = due_orders(context.ledger, delay_days, self._clock())
                with context.ledger.transaction() as transaction:
                    for order in due:
                        if order.state is OrderState.WAITING:
                            transaction.move_order(order.order_id, OrderState.BEGUN)
                            transaction.forget_ids(order.order_id)
            return self._carry_out(context, {})

    def preview(self, clients: Sequence[str], documents: Sequence[bytes], *, orders: bool) -> Report:
        """Return what would go; only the index is changed."""
        with self._opened() as context:
            wanted = Wanted(
                context.hash,
                {context.hash.of_text(text): 0 for text in clients},
                {context.hash.of_uuid(uuid): 0 for uuid in documents},
            )
            if orders:
                with context.lock.held():
                    adopt_orders(context)
                wanted = wanted_of(context.ledger, context.hash, OrderState.WAITING, *OPEN)
            self._update_index(context)
            found = find(context, wanted, dict.fromkeys(documents, 0))
            report = Report(removed=counted(context, wanted, found), left=found.damaged)
            self._forget_fuel(wanted, report, changes=False)
            return report

    def update_index(self) -> None:
        """Bring the index up to date, so that a later deletion reads few files."""
        with self._opened() as context:
            self._update_index(context)

    def scan(self, orders: Iterable[int] | None = None) -> ScanResult:
        """Read every byte of the data root, as `scan_all`."""
        with self._opened() as context:
            return scan_all(context, orders)

    @contextmanager
    def _opened(self) -> Iterator[Forgetting]:
        with (
            FileLock(self._root.state / LOCK_NAME).held(),
            open_ledger(self._root, self._disk) as ledger,
        ):
            key = needed_key(self._root) if ledger.forgotten_version() else ensure_key(self._root, self._disk)
            content = b"index with bodies" if self._opens_bodies else b"index"
            mark = blake2b(content, key=key, digest_size=8).digest()
            lock = FileLock(self._root.state / "converter.lock")
            with ForgetIndex(self._root, mark) as index:
                archived = ArchivedFiles(self._root, ledger, self._disk)
                with archived.held():
                    yield Forgetting(
                        self._root,
                        ledger,
                        self._disk,
                        IdHash(key),
                        index,
                        lock,
                        archived,
                        opens_bodies=self._opens_bodies,
                    )

    def _carry_out(self, context: Forgetting, given: dict[bytes, int]) -> Report:
        report = Report()
        open_orders = context.ledger.orders(*OPEN)
        report.orders = numbers_of(open_orders)
        self._write_records(context, report.orders, None)
        if open_orders:
            # Files that a killed run had replaced and not yet deleted.
            with context.lock.held():
                remove_doubtful(self._root.path, context.ledger, self._disk)
            found_damaged = self._find(context, given)
            wanted = wanted_of(context.ledger, context.hash, *OPEN)
            self._remove(context, wanted, report)
            report.left = list(dict.fromkeys([*found_damaged, *report.left]))
        self._on_step("archived days")
        report.left += context.archived.settle()
        self._on_step("raw segments")
        removed, in_use = forget_raw(context, self._wait_seconds, self._on_step)
        report.left += [f"{path}: a server still writes to it; run forget again" for path in in_use]
        if open_orders:
            self._clean_databases(context, report)
            if not report.left:
                self._finish(context, report.orders)
        for number in report.orders:
            report.removed.update(context.ledger.order_counts(number))
        # Including late repeats, which belong to no open order.
        report.removed[RAW] = removed
        return report

    def _find(self, context: Forgetting, given: dict[bytes, int]) -> list[str]:
        """Find the documents of orders; return one line for each damaged file."""
        begun = numbers_of(context.ledger.orders(OrderState.BEGUN))
        if not begun:
            return []
        self._on_step("finding")
        self._update_index(context)
        with context.lock.held():
            remove_doubtful(self._root.path, context.ledger, self._disk)
            # What came meanwhile: little.
            self._update_index(context)
            wanted = wanted_of(context.ledger, context.hash, OrderState.BEGUN)
            found: Found = find(context, wanted, given or self._known_documents(context, wanted))
            enter(context, found, begun)
            return found.damaged

    def _known_documents(self, context: Forgetting, wanted: Wanted) -> dict[bytes, int]:
        """Return the documents of the ledger that were ordered by id; only their hashes are left."""
        if not wanted.documents:
            return {}
        known = context.ledger.known_documents()
        return {uuid: order for uuid in known if (order := wanted.document(uuid)) is not None}

    def _update_index(self, context: Forgetting) -> None:
        files = indexed_files(context)
        context.index.update(files)
        context.index.keep_only(file.path for file in files)

    def _remove(self, context: Forgetting, wanted: Wanted, report: Report) -> None:
        self._on_step("records and quarantine")
        rewritten, damaged = forget_lines(context, wanted)
        report.files_rewritten += rewritten
        report.left += damaged
        if find_spec("pyarrow") is not None:
            from telemetry_server.aggregates.sealing import sealed_days
            from telemetry_server.aggregates.update import TableFileMissing, TablesKeepChanging, Updater
            from telemetry_server.privacy.forget_tables import forget_rows

            self._on_step("tables")
            rewritten, damaged = forget_rows(context, wanted)
            report.files_rewritten += rewritten
            report.left += damaged
            self._on_step("aggregates")
            try:
                with damage_of("tables"):
                    made = Updater(self._root, self._disk).update()
                report.removed[AGGREGATES] += len(made.days)
            except (TableFileMissing, TablesKeepChanging) as error:
                report.left.append(f"{error}; run forget again")
            except DamagedFile as error:
                report.left.append(str(error))
            report.sealed_days = sealed_days(self._root)
        self._on_step("Fuel databases")
        removed = self._forget_fuel(wanted, report, changes=True)
        removed.update(forget_strays(context, wanted))
        with context.lock.held(), context.ledger.transaction() as transaction:
            transaction.count_removed(removed)

    def _forget_fuel(self, wanted: Wanted, report: Report, *, changes: bool) -> Counter[tuple[int, str]]:
        removed: Counter[tuple[int, str]] = Counter()
        for url, is_analytics in ((self._fuel.collector, False), (self._fuel.analytics, True)):
            if not url or find_spec("sqlalchemy") is None:
                continue
            from telemetry_server.fuel.database.errors import DatabaseAway
            from telemetry_server.privacy.forget_fuel import exists, forget_installations

            def order_of(uid: str) -> int | None:
                return wanted.clients.get(wanted.hash.of_text(uid))

            try:
                if exists(url):
                    removed += forget_installations(url, order_of, is_analytics=is_analytics, changes=changes)
            except DatabaseAway as error:
                report.left.append(f"the Fuel database does not answer ({error}); run forget again")
        if not changes:
            for (_, place), count in removed.items():
                report.removed[place] += count
        return removed

    def _clean_databases(self, context: Forgetting, report: Report) -> None:
        """Rewrite the databases, as free pages still hold what was deleted."""
        self._on_step("free pages of databases")
        paths = [self._root.ledger]
        urls = [url for url in (self._fuel.collector, self._fuel.analytics) if url]
        if urls and find_spec("sqlalchemy") is not None:
            from telemetry_server.privacy.forget_fuel import sqlite_path

            paths += [path for url in urls if (path := sqlite_path(url)) is not None and path.exists()]
        for path in paths:
            try:
                # The converter waits at its lock, not in the middle of a commit.
                with context.lock.held():
                    rewrite_database(path)
            except DatabaseInUse as error:
                report.left.append(str(error))

    def _finish(self, context: Forgetting, orders: Iterable[int]) -> None:
        finished_at = int(self._clock())
        self._write_records(context, orders, finished_at)
        with context.lock.held(), context.ledger.transaction() as transaction:
            for order in orders:
                transaction.move_order(order, OrderState.DONE)

    def _write_records(self, context: Forgetting, orders: Iterable[int], finished_at: int | None) -> None:
        wanted = set(orders)
        for order in context.ledger.orders():
            if order.order_id in wanted:
                write_record(self._root, self._disk, record_of(context.ledger, order, finished_at))
