"""Which failure reports a list has."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FailureFilter:
    """Which failures are listed; an empty part means all."""

    report_id: str = ""
    master_node_uid: str = ""
    first: datetime | None = None
    before: datetime | None = None
    after: tuple[datetime, str] | None = None  # moment of arrival and id of the last one seen
