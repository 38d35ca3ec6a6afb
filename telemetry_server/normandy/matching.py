"""
Matches the enrolments of one client with what ended them.

An enrolment is one time that a client entered a study.  Its identity is its ``enrollmentId`` where that is
a UUID, else the study that the client entered, else for add-on studies the add-on.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from telemetry_server.normandy.grammar import (
    ADDON_ROLLOUT,
    ADDON_STUDY,
    ENROLL,
    GRADUATE,
    ROLLOUT_OF,
    UNENROLL,
)

# The start of a process, from which event times count, is cut to the minute.
TIME_TOLERANCE = timedelta(seconds=60)
_OF_ADDONS = frozenset({ADDON_STUDY, ADDON_ROLLOUT})


@dataclass(frozen=True, slots=True)
class EnrollmentEvent:
    """What the reports read of one row of the table ``enrollments``."""

    carrier: str
    client_id: str | None
    at: datetime  # the event's time, else that of its arrival
    is_exact: bool  # whether `at` is the event's time
    method: str
    object: str
    study: str  # '' where the client sent no value
    branch: str | None
    reason: str | None
    did_reset_value: bool | None
    addon_id: str | None
    enrollment_id: str | None
    is_wanted: bool  # whether its ping is in the span and of the version that were asked for

    @property
    def family(self) -> str:
        """The object that the client entered: a rollback ends a rollout."""
        return ROLLOUT_OF.get(self.object, self.object)


@dataclass(slots=True)
class Enrollment:
    """One time that a client entered a study, and what ended it."""

    entered: EnrollmentEvent
    left: EnrollmentEvent | None = None  # an unenrolment or a graduation

    @property
    def is_anonymous(self) -> bool:
        """Whether nothing can be matched to it."""
        return self.entered.client_id is None and self.entered.enrollment_id is None


@dataclass(slots=True)
class MatchedEnrollments:
    """The enrolments of one client by one carrier."""

    enrollments: list[Enrollment] = field(default_factory=list)
    orphans: list[EnrollmentEvent] = field(default_factory=list)  # unenrolments without an enrolment
    anomalies: Counter[str] = field(default_factory=Counter)


def match(events: Iterable[EnrollmentEvent]) -> MatchedEnrollments:
    """
    Match the enrolments in *events* with the unenrolments and graduations in them.

    Args:
        events: Of one carrier and one client, in the order of `EnrollmentEvent.at`; without a client id,
            only events with the same ``enrollmentId`` belong together.
    """
    matched = MatchedEnrollments()
    early: list[EnrollmentEvent] = []  # unenrolments that came before their enrolment, or have none
    for event in events:
        if event.method == ENROLL:
            enrollment = _entered(event, matched)
            if enrollment is not None:
                _match_early(enrollment, early, matched)
        elif event.method in (UNENROLL, GRADUATE):
            found = _enrollment_of(event, matched.enrollments)
            if found is None:
                early.append(event)
            elif found.left is None:
                _end(found, event, matched)
            # Otherwise it repeats what was sent before.
    matched.orphans = [event for event in early if event.method == UNENROLL]
    matched.anomalies["orphan_unenrol"] += sum(event.is_wanted for event in matched.orphans)
    return matched


def _entered(event: EnrollmentEvent, matched: MatchedEnrollments) -> Enrollment | None:
    """Add the enrolment that *event* begins; None if the client is in that study already."""
    same = [one for one in matched.enrollments if _is_same_enrollment(one.entered, event)]
    if same and same[-1].left is None:
        matched.anomalies["double_enrol"] += event.is_wanted
        if same[-1].entered.branch != event.branch:
            matched.anomalies["branch_changed"] += event.is_wanted
        return None
    if event.enrollment_id is not None and any(
        one.entered.enrollment_id == event.enrollment_id for one in matched.enrollments
    ):
        matched.anomalies["enrollment_id_reused"] += event.is_wanted
    if event.addon_id is not None and any(
        one.entered.addon_id == event.addon_id and one.entered.study != event.study
        for one in matched.enrollments
        if one.entered.client_id is not None
    ):
        matched.anomalies["name_slug_split"] += event.is_wanted
    enrollment = Enrollment(event)
    matched.enrollments.append(enrollment)
    return enrollment


def _is_same_enrollment(entered: EnrollmentEvent, event: EnrollmentEvent) -> bool:
    if entered.enrollment_id is not None or event.enrollment_id is not None:
        return entered.enrollment_id == event.enrollment_id and entered.study == event.study
    if event.client_id is None or entered.family != event.family:
        return False
    if event.study:
        return entered.study == event.study
    return event.addon_id is not None and entered.addon_id == event.addon_id


def _enrollment_of(event: EnrollmentEvent, enrollments: list[Enrollment]) -> Enrollment | None:
    """Return the enrolment that *event* ended: by id, then by study, then by add-on; open ones first."""
    if event.enrollment_id is not None:
        by_id = [one for one in enrollments if one.entered.enrollment_id == event.enrollment_id]
        if by_id:
            return _open_first(by_id)
        # An enrolment with another id is another enrolment.
        enrollments = [one for one in enrollments if one.entered.enrollment_id is None]
    if event.client_id is None:
        return None
    of_family = [one for one in enrollments if one.entered.family == event.family]
    by_study = [one for one in of_family if event.study and one.entered.study == event.study]
    if by_study:
        return _open_first(by_study)
    if event.addon_id is None or event.family not in _OF_ADDONS:
        return None
    by_addon = [one for one in of_family if one.entered.addon_id == event.addon_id]
    return _open_first(by_addon) if by_addon else None


def _open_first(enrollments: list[Enrollment]) -> Enrollment:
    return next((one for one in reversed(enrollments) if one.left is None), enrollments[-1])


def _end(enrollment: Enrollment, event: EnrollmentEvent, matched: MatchedEnrollments) -> None:
    enrollment.left = event
    entered = enrollment.entered
    if event.addon_id is not None and entered.addon_id is not None:
        if event.addon_id != entered.addon_id:
            matched.anomalies["addon_id_mismatch"] += event.is_wanted
        elif event.study != entered.study:
            matched.anomalies["name_slug_split"] += event.is_wanted


def _match_early(enrollment: Enrollment, early: list[EnrollmentEvent], matched: MatchedEnrollments) -> None:
    """Match an unenrolment that came before *enrollment* by its clock, if that can be the clock's fault."""
    for event in early:
        if _enrollment_of(event, [enrollment]) is None:
            continue
        is_same_id = event.enrollment_id is not None
        is_late = event.is_exact and enrollment.entered.is_exact
        if is_same_id or not is_late or enrollment.entered.at - event.at <= TIME_TOLERANCE:
            early.remove(event)
            _end(enrollment, event, matched)
            matched.anomalies["unenrol_before_enrol"] += event.is_wanted
            return
