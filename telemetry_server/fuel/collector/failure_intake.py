"""Takes a failure report: stores it with its contact and its message at once, and answers."""

from collections import Counter
from time import perf_counter
from typing import Any

from telemetry_server.fuel.collector.contact_sealer import ContactSealer
from telemetry_server.fuel.collector.errors import RequestRefused
from telemetry_server.fuel.collector.requests import Answer, ok
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.failure_writes import write_failure
from telemetry_server.fuel.database.refused_items import write_refused
from telemetry_server.fuel.database.writes import Stamp
from telemetry_server.fuel.documents.doctypes import Doctype
from telemetry_server.fuel.documents.failure_report import NoContact, judged_failure, refused_report
from telemetry_server.fuel.documents.judging import BadItem
from telemetry_server.fuel.documents.private_values import Leak
from telemetry_server.fuel.documents.refusals import refused_document
from telemetry_server.observability import metrics
from telemetry_server.observability.events import FuelItemsRefused

RETRY_SECONDS = 300  # until the key of contacts may be there
ACCEPTED, EXISTED, FAILED = "accepted", "existed", "failed"


class FailureIntake:
    """Takes failure reports.  Thread-safe."""

    def __init__(self, database: CollectorDatabase, contacts: ContactSealer) -> None:
        self._database = database
        self._contacts = contacts

    def take(self, report: Any, stamp: Stamp, started: float) -> Answer:
        """
        Return the answer: 202 once it is stored, 200 for an id that is known.

        Raises:
            RequestRefused: 422 without a whole contact, 400 for another form; 503 without a key of contacts.
            DatabaseAway: As named.
        """
        leaks: Counter[Leak] = Counter()
        try:
            judged = judged_failure(report, leaks)
        except NoContact as error:
            metrics.fuel_items.count(str(Doctype.FAILURE_REPORT), FAILED)
            raise RequestRefused(422, str(error)) from None
        except BadItem as error:
            metrics.fuel_items.count(str(Doctype.FAILURE_REPORT), FAILED)
            self._keep_refused(report, str(error), stamp)
            raise RequestRefused(400, str(error)) from None
        contact = self._contacts.sealed(judged.report_id, judged.master_node_uid, judged.contact)
        if contact is None:
            message = "contacts cannot be kept now: send it again"
            raise RequestRefused(503, message, retry_after_seconds=RETRY_SECONDS)
        is_new = self._database.write(lambda connection: write_failure(connection, judged, contact, stamp))
        for kind, number in leaks.items():
            metrics.fuel_redactions.count(str(kind), amount=number)
        status = ACCEPTED if is_new else EXISTED
        metrics.fuel_items.count(str(Doctype.FAILURE_REPORT), status)
        content = {"failure_report": {"report_id": report["report_id"], "status": status}}
        return ok(perf_counter() - started, 202 if is_new else 200, content)

    def _keep_refused(self, report: Any, reason: str, stamp: Stamp) -> None:
        refused = refused_document(Doctype.FAILURE_REPORT, refused_report(report), reason)
        self._database.write(lambda connection: write_refused(connection, [refused], stamp.received_at))
        FuelItemsRefused(str(Doctype.FAILURE_REPORT), 1, refused.reason).emit()
