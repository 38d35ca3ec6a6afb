"""Enrolment events: their grammar, their matching, and the figures of studies."""

from datetime import datetime, timedelta

import pytest

from telemetry_server.normandy.enrollments import enrollments_of_events, grammar_anomalies
from telemetry_server.normandy.matching import EnrollmentEvent
from telemetry_server.normandy.study_report import StudyReport
from telemetry_server.records.events import events_of
from telemetry_server.records.sections import sections_of

CLIENT = "c0ffee00-1234-4abc-8def-0123456789ab"
UUIDS = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")
BEGAN = datetime(2026, 11, 20, 12)
TULIPS = ["enroll", "preference_study", "tulips", {"branch": "control", "experimentType": "exp"}]


def rows_of(*events, section="parent"):
    record = {"metadata": {"namespace": "telemetry"}, "payload": {"events": {section: list(events)}}}
    return list(
        enrollments_of_events(events_of(record, sections_of(record)), process_start_ms=None, is_glean=False)
    )


def an_event(timestamp, method, object_, value, extra=None):
    return [timestamp, "normandy", method, object_, value, *([] if extra is None else [extra])]


def glean_rows_of(*events):
    record = {"metadata": {"namespace": "firefox-desktop"}, "events": list(events)}
    return list(
        enrollments_of_events(events_of(record, sections_of(record)), process_start_ms=None, is_glean=True)
    )


def report_of(*histories, is_exact=True):
    """Report on clients, each a list of rows in the order of their time."""
    report = StudyReport()
    for number, rows in enumerate(histories):
        report.add_all(
            EnrollmentEvent(
                row.carrier,
                f"{number:08x}{CLIENT[8:]}",
                BEGAN + timedelta(hours=position),
                is_exact,
                row.method,
                row.object,
                row.value or "",
                row.branch,
                row.reason,
                row.did_reset_value,
                row.addon_id,
                row.enrollment_id,
                True,
            )
            for position, row in enumerate(rows)
        )
    return report


def the_study(report):
    (study,) = report.rows()
    return study


def unenrolled(reason="recipe-not-seen", **more):
    return an_event(
        99, "unenroll", "preference_study", "tulips", {"didResetValue": "true", "reason": reason} | more
    )


@pytest.mark.parametrize("section", ["parent", "dynamic"])
def test_an_enrolment_is_counted_in_its_branch(section):
    """B1 and B2: clients of 2018 send the event in another section."""
    rows = rows_of(an_event(10, *TULIPS), section=section)
    study = the_study(report_of(rows))

    assert (study["study"], study["enrolled"], study["branches"][0]["branch"]) == ("tulips", 1, "control")
    assert (rows[0].anomalies, rows[0].era, rows[0].process) == ((), "seed", section)


def test_an_unenrolment_has_the_branch_of_its_enrolment():
    """B3."""
    study = the_study(report_of(rows_of(an_event(10, *TULIPS), unenrolled())))

    assert (study["unenrolled"], study["branches"][0]["unenrolled"], study["active"]) == (1, 1, 0)
    assert (study["unenrol_rate"]["value"], study["reset_share"]["value"]) == (1.0, 1.0)
    assert (study["reasons"], study["reason_classes"]) == ({"recipe-not-seen": 1}, {"involuntary": 1})


def test_an_unenrolment_without_its_enrolment_is_an_orphan():
    """B4: it is never in a rate."""
    report = report_of(rows_of(unenrolled()))
    study = the_study(report)

    assert report.anomalies["orphan_unenrol"] == study["orphan_unenrolled"] == 1
    assert study["branches"][0]["branch"] == "(unattributed)"
    assert (study["unenrol_rate"]["value"], study["reasons"]) == (None, {})
    assert study["orphan_reasons"] == {"recipe-not-seen": 1}


@pytest.mark.parametrize(
    ("event", "anomalies"),
    [
        pytest.param(unenrolled(didResetValue=True), ["extra_not_string"], id="B5"),
        pytest.param(unenrolled("unknown"), ["reason_is_unknown"], id="B6"),
        pytest.param(unenrolled("bored"), ["reason_unknown_value"], id="B7"),
        pytest.param(unenrolled("install-failure"), ["reason_unknown_value"], id="B8"),
        pytest.param(
            an_event(1, "enroll", "preference_study", "t", {"experimentType": "exp-highpop"}),
            [],
            id="B11 known",
        ),
        pytest.param(
            an_event(1, "enroll", "preference_study", "t", {"experimentType": "exp-huge"}),
            ["experiment_type_unknown"],
            id="B11 unknown",
        ),
        pytest.param(
            an_event(7, "graduate", "preference_rollout", "moss", {"reason": "all-prefs-match"}), [], id="B12"
        ),
        pytest.param(
            an_event(7, "enrollFailed", "preference_rollout", "moss", {"reason": "invalid type"}),
            [],
            id="B13",
        ),
        pytest.param(
            an_event(7, "enrollFailed", "preference_study", "t", {"preferenceBranch": "user"}),
            ["extra_key_too_long"],
            id="B14",
        ),
        pytest.param(
            an_event(
                7,
                "unenrollFailed",
                "preference_study",
                "t",
                {"reason": "already-unenrolled", "originalReason": "again"},
            ),
            [],
            id="B19",
        ),
        pytest.param(
            an_event(7, "enrollFailed", "preference_study", "t", {"reason": "name-conflict"}), [], id="B20"
        ),
        pytest.param(an_event(7, "water", "preference_study", "t"), ["object_not_for_method"], id="method"),
        pytest.param(unenrolled(didResetValue="yes"), ["reset_not_boolean_text"], id="reset"),
        pytest.param(unenrolled(weather="wet"), ["extra_key_unknown"], id="key"),
        pytest.param(an_event(7, "enroll", "preference_study", "é" * 40), ["maybe_truncated"], id="cut"),
        pytest.param(an_event(7, "enroll", "preference_study", "x" * 81), ["over_limit"], id="long"),
    ],
)
def test_what_breaks_the_grammar_is_marked_and_kept(event, anomalies):
    """Both eras of the grammar, and the documents' own slips."""
    (row,) = rows_of(event)

    assert list(row.anomalies) == anomalies


def test_the_first_era_has_no_graduations():
    """B12 in the grammar of the documents."""
    assert grammar_anomalies("graduate", "preference_rollout", {}, None, "seed") == ["object_not_for_method"]


def test_a_reset_that_is_not_a_text_is_not_counted():
    """B5."""
    study = the_study(report_of(rows_of(an_event(1, *TULIPS), unenrolled(didResetValue=True))))

    assert (study["reset_share"]["denominator"], study["unenrolled"]) == (0, 1)


def test_a_literally_unknown_reason_is_a_defect():
    """B6: it is a client's fault, on its own line even at count 1."""
    study = the_study(report_of(rows_of(an_event(1, *TULIPS), unenrolled("unknown"))))

    assert study["reason_classes"] == {"defect": 1}


def test_an_add_on_study_is_matched_by_its_add_on():
    """B9: older clients enrol under the slug and leave under the name."""
    add_on = {"addonId": "x@y", "addonVersion": "1"}
    report = report_of(
        rows_of(
            an_event(1, "enroll", "addon_study", "soil-slug", add_on),
            an_event(2, "unenroll", "addon_study", "Soil study", add_on | {"reason": "individual-opt-out"}),
        )
    )
    study = the_study(report)

    assert (study["study"], study["unenrolled"], study["orphan_unenrolled"]) == ("soil-slug", 1, 0)
    assert report.anomalies["name_slug_split"] == 1


def test_a_failed_enrolment_is_in_the_failure_rate():
    """B10."""
    failed = an_event(5, "enrollFailed", "addon_study", "Soil study", {"reason": "Foo.jsm:12 TypeError"})
    entered = an_event(6, "enroll", "addon_study", "Soil study", {"addonId": "x@y", "addonVersion": "1"})
    study = the_study(report_of(rows_of(failed), rows_of(entered)))

    rate = study["enrol_failure_rate"]
    assert (study["enroll_failed"], rate["numerator"], rate["denominator"]) == (1, 1, 2)
    assert study["failures"] == {"Foo.jsm:12 TypeError": 1}


def test_a_graduation_is_counted_once():
    """B12, and its enrolment is not active any more."""
    graduate = an_event(7, "graduate", "preference_rollout", "moss", {"reason": "all-prefs-match"})
    study = the_study(
        report_of(rows_of(an_event(1, "enroll", "preference_rollout", "moss"), graduate, graduate))
    )

    assert (study["graduated"], study["active"], study["unenrolled"]) == (1, 0, 0)


def test_the_long_key_of_the_documents_is_read_as_the_one_on_the_wire():
    """B14."""
    (row,) = rows_of(an_event(7, "enrollFailed", "preference_study", "t", {"preferenceBranch": "user"}))

    assert dict(row.extra) == {"prefBranch": "user"}


def test_two_ids_are_two_enrolments():
    """B15."""
    events = [
        an_event(n, "enroll", "preference_study", "t", {"enrollmentId": id_}) for n, id_ in enumerate(UUIDS)
    ]

    assert the_study(report_of(rows_of(*events)))["enrolled"] == 2


def test_a_filler_is_not_an_identity():
    """B16: all clients that opted out send the same one."""
    event = an_event(1, "enroll", "preference_study", "t", {"enrollmentId": "__NO_ENROLLMENT_ID__"})
    histories = [rows_of(event) for _ in range(10)]

    assert the_study(report_of(*histories))["enrolled"] == 10
    assert all(rows[0].anomalies == ("enrollment_id_filler",) for rows in histories)
    assert all(rows[0].enrollment_id is None for rows in histories)


def test_an_unenrolment_with_a_filler_is_matched_to_the_study():
    """Its enrolment has an id."""
    entered = an_event(1, "enroll", "preference_study", "tulips", {"enrollmentId": UUIDS[0]})
    study = the_study(report_of(rows_of(entered, unenrolled(enrollmentId="__NO_ENROLLMENT_ID__"))))

    assert (study["unenrolled"], study["orphan_unenrolled"]) == (1, 0)


def test_a_glean_twin_is_another_carrier():
    """B18: one enrolment each, never two of one carrier."""
    extra = {
        "value": "study-a",
        "branch": "treatment",
        "experimentType": "exp",
        "glean_timestamp": "1795303645864",
    }
    classic = rows_of(an_event(8346, "enroll", "preference_study", "study-a", {"branch": "treatment"}))
    twin = glean_rows_of({"category": "normandy", "name": "enroll_preference_study", "extra": extra})

    found = list(report_of(classic, twin).rows())

    assert [(one["carrier"], one["enrolled"]) for one in found] == [("event", 1), ("glean", 1)]
    assert twin[0].event_time == datetime(2026, 11, 21, 23, 27, 25, 864000)
    assert (twin[0].anomalies, twin[0].method, twin[0].object) == ((), "enroll", "preference_study")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("unenroll_preference_study", ("unenroll", "preference_study")),
        ("unenroll_failed_preference_study", ("unenrollFailed", "preference_study")),
        ("enroll_failed_nimbus_experiment", ("enrollFailed", "nimbus_experiment")),
        ("exp_pref_changed_preference_study", ("expPrefChanged", "preference_study")),
        ("graduate_preference_rollout", ("graduate", "preference_rollout")),
    ],
)
def test_names_of_glean_events_are_method_and_object(name, expected):
    """In snake case."""
    (row,) = glean_rows_of({"category": "normandy", "name": name, "extra": {"value": "t"}})

    assert (row.method, row.object) == expected


def test_a_failed_unenrolment_is_not_an_unenrolment():
    """B19."""
    failed = an_event(7, "unenrollFailed", "preference_study", "tulips", {"reason": "already-unenrolled"})

    assert the_study(report_of(rows_of(an_event(1, *TULIPS), failed)))["unenrolled"] == 0


def test_a_rollback_ends_its_rollout():
    """The object of the unenrolment is another one."""
    entered = an_event(1, "enroll", "preference_rollout", "moss")
    left = an_event(2, "unenroll", "preference_rollback", "moss", {"reason": "rollback"})
    study = the_study(report_of(rows_of(entered, left)))

    assert (study["object"], study["unenrolled"], study["orphan_unenrolled"]) == ("preference_rollout", 1, 0)


def test_a_second_enrolment_without_an_unenrolment_is_marked():
    """It counts once; a change of branch is marked too."""
    again = an_event(11, "enroll", "preference_study", "tulips", {"branch": "treatment"})
    report = report_of(rows_of(an_event(10, *TULIPS), again))

    assert the_study(report)["enrolled"] == 1
    assert (report.anomalies["double_enrol"], report.anomalies["branch_changed"]) == (1, 1)


def test_a_client_may_enter_a_study_again():
    """After it left."""
    study = the_study(report_of(rows_of(an_event(1, *TULIPS), unenrolled(), an_event(200, *TULIPS))))

    assert (study["enrolled"], study["unenrolled"], study["active"]) == (2, 1, 1)


def test_a_repeated_unenrolment_counts_once():
    """It is not an orphan."""
    study = the_study(report_of(rows_of(an_event(1, *TULIPS), unenrolled(), unenrolled())))

    assert (study["unenrolled"], study["orphan_unenrolled"]) == (1, 0)


@pytest.mark.parametrize(("is_exact", "orphans"), [(True, 1), (False, 0)])
def test_arrival_out_of_order_is_not_an_orphan(is_exact, orphans):
    """Unless the events' own clocks say that the client left before."""
    report = report_of(rows_of(unenrolled(), an_event(1, *TULIPS)), is_exact=is_exact)

    assert the_study(report)["orphan_unenrolled"] == orphans
    assert report.anomalies["unenrol_before_enrol"] == 1 - orphans


def test_unequal_branches_are_flagged():
    """By a chi-square test from 200 enrolments on."""
    histories = [
        rows_of(an_event(1, "enroll", "preference_study", "t", {"branch": "a" if n < 150 else "b"}))
        for n in range(200)
    ]

    assert the_study(report_of(*histories))["balance"]["is_unbalanced"]
    assert not the_study(report_of(*histories[:60], *histories[140:]))["balance"]["is_unbalanced"]
