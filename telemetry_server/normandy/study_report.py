"""Figures of studies: who entered them, who left them, and why."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median
from typing import Any

from telemetry_server.normandy.few_enrollments import Cell, FewEnrollments, Key
from telemetry_server.normandy.grammar import ENROLL_FAILED, GRADUATE, REASON_CLASSES, UNENROLL, UPDATE
from telemetry_server.normandy.matching import Enrollment, EnrollmentEvent, match
from telemetry_server.normandy.ratio import Ratio, balance_p

UNATTRIBUTED = "(unattributed)"
NO_REASON = "(none)"
BALANCE_P = 0.001
MIN_BALANCE_ENROLLMENTS = 200


@dataclass(slots=True)
class Branch:
    """One branch of a study."""

    enrolled: int = 0
    unenrolled: int = 0


@dataclass(slots=True)
class Study:
    """The figures of one study by one carrier."""

    enrolled: int = 0
    anonymous: int = 0  # of `enrolled`: nothing can be matched to these
    enroll_failed: int = 0
    updated: int = 0
    graduated: int = 0
    graduated_matched: int = 0
    unenrolled: int = 0
    orphans: int = 0
    reset: int = 0
    reset_known: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    orphan_reasons: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    branches: dict[str, Branch] = field(default_factory=dict)
    days: list[float] = field(default_factory=list)

    def branch(self, name: str | None) -> Branch:
        """Return the branch *name*."""
        return self.branches.setdefault(name or UNATTRIBUTED, Branch())

    def cells(self) -> Mapping[Cell, int]:
        """Return every count that is shown, or that follows from what is shown."""
        return {
            ("enrolled", ""): self.enrolled,
            ("enroll_failed", ""): self.enroll_failed,
            ("updated", ""): self.updated,
            ("graduated", ""): self.graduated,
            ("graduated_matched", ""): self.graduated_matched,
            ("unenrolled", ""): self.unenrolled,
            ("active", ""): self.enrolled - self.unenrolled - self.graduated_matched,
            ("orphans", ""): self.orphans,
            ("reset", ""): self.reset,
            ("kept", ""): self.reset_known - self.reset,
            **{("reason", name): count for name, count in self.reasons.items()},
            **{("orphan_reason", name): count for name, count in self.orphan_reasons.items()},
            **{("failure", name): count for name, count in self.failures.items()},
            **{("branch", name): branch.enrolled for name, branch in self.branches.items()},
            **{("branch_left", name): branch.unenrolled for name, branch in self.branches.items()},
            **{
                ("branch_stayed", name): branch.enrolled - branch.unenrolled
                for name, branch in self.branches.items()
            },
        }

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API, without what names the study."""
        active = self.enrolled - self.unenrolled - self.graduated_matched
        counts = [branch.enrolled for name, branch in self.branches.items() if name != UNATTRIBUTED]
        p = balance_p(counts) if sum(counts) >= MIN_BALANCE_ENROLLMENTS else None
        classes: Counter[str] = Counter()
        for reason, count in self.reasons.items():
            classes[REASON_CLASSES.get(reason, "other")] += count
        return {
            "enrolled": self.enrolled,
            "enroll_failed": self.enroll_failed,
            "updated": self.updated,
            "graduated": self.graduated,
            "unenrolled": self.unenrolled,
            "orphan_unenrolled": self.orphans,
            "active": max(0, active),
            "enrol_failure_rate": Ratio(self.enroll_failed, self.enrolled + self.enroll_failed).as_json(),
            "unenrol_rate": Ratio(self.unenrolled, self.enrolled).as_json(),
            "reset_share": Ratio(self.reset, self.reset_known).as_json(),
            "reasons": dict(sorted(self.reasons.items())),
            "reason_classes": dict(sorted(classes.items())),
            "orphan_reasons": dict(sorted(self.orphan_reasons.items())),
            "failures": dict(sorted(self.failures.items())),
            "median_days_enrolled": median(self.days) if self.days else None,
            "anonymous": self.anonymous,
            "balance": {"p": p, "is_unbalanced": p is not None and p < BALANCE_P},
            "branches": [
                {
                    "branch": name,
                    "enrolled": branch.enrolled,
                    "unenrolled": branch.unenrolled,
                    "branch_share": Ratio(branch.enrolled, self.enrolled).as_json(),
                    "unenrol_rate": Ratio(branch.unenrolled, branch.enrolled).as_json(),
                }
                for name, branch in sorted(self.branches.items())
            ],
        }


class StudyReport:
    """
    Adds up the events of clients, one client after another.

    *events* of `add_all` must be sorted by carrier, client and time.

    Args:
        suppress_below: What fewer clients sent is not shown.
    """

    def __init__(self, suppress_below: int = 1) -> None:
        self._few = FewEnrollments(suppress_below)
        self.studies: dict[Key, Study] = {}
        self.anomalies: Counter[str] = Counter()
        self.hidden = 0  # studies that `rows` left out, or parts of

    def add_all(self, events: Iterable[EnrollmentEvent]) -> None:
        """Add *events*, sorted by carrier, client id and time."""
        for _, of_client in groupby(events, key=lambda event: (event.carrier, event.client_id)):
            of_one = list(of_client)
            self._add_client(of_one)
            if self._few.suppress_below > 1:
                alone = StudyReport()
                alone._add_client(of_one)
                self._few.add_client((key, study.cells()) for key, study in alone.studies.items())

    def _add_client(self, events: list[EnrollmentEvent]) -> None:
        matched = match(events)
        self.anomalies += matched.anomalies
        for enrollment in matched.enrollments:
            self._add_enrollment(enrollment)
        for event in matched.orphans:
            if event.is_wanted:
                study = self._study(event)
                study.orphans += 1
                study.orphan_reasons[event.reason or NO_REASON] += 1
                study.branch(event.branch)
                _add_reset(study, event)
        graduations = set()
        for event in events:
            if not event.is_wanted or event.method not in (ENROLL_FAILED, UPDATE, GRADUATE):
                continue
            study = self._study(event)
            if event.method == ENROLL_FAILED:
                study.enroll_failed += 1
                study.failures[event.reason or NO_REASON] += 1
            elif event.method == UPDATE:
                study.updated += 1
            else:
                identity = (event.study, event.enrollment_id) if event.client_id else event
                study.graduated += identity not in graduations
                graduations.add(identity)

    def _add_enrollment(self, enrollment: Enrollment) -> None:
        entered, left = enrollment.entered, enrollment.left
        if not entered.is_wanted:
            return
        study = self._study(entered)
        study.enrolled += 1
        study.anonymous += enrollment.is_anonymous
        study.branch(entered.branch).enrolled += 1
        if left is None:
            return
        study.days.append((left.at - entered.at).total_seconds() / 86_400)
        if left.method == GRADUATE:
            study.graduated_matched += 1
            return
        study.unenrolled += 1
        # The branch that the client entered, whatever it says at the end: no more can leave one.
        study.branch(entered.branch).unenrolled += 1
        study.reasons[left.reason or NO_REASON] += 1
        _add_reset(study, left)

    def _study(self, event: EnrollmentEvent) -> Study:
        return self.studies.setdefault((event.carrier, event.family, event.study), Study())

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the object of each study that may be shown, in the order of carrier, object and name."""
        for (carrier, object_, study), figures in sorted(self.studies.items()):
            whole = figures.as_json()
            row = self._few.shown((carrier, object_, study), whole)
            self.hidden += row is None or any(
                row[name] != whole[name] for name in whole if name != "anonymous"
            )
            if row is not None:
                yield {"carrier": carrier, "object": object_, "study": study} | row


def _add_reset(study: Study, event: EnrollmentEvent) -> None:
    if event.method == UNENROLL and event.did_reset_value is not None:
        study.reset_known += 1
        study.reset += event.did_reset_value
