"""
The grammar of enrolment events in two eras of clients: objects, extra keys and reasons of each method.

``seed`` is what Normandy's documents describe, ``later`` the union over all clients since (docs/normandy.md).
"""

from collections.abc import Mapping

CATEGORY = "normandy"
SEED, LATER = "seed", "later"

ENROLL, ENROLL_FAILED = "enroll", "enrollFailed"
UPDATE, UPDATE_FAILED = "update", "updateFailed"
UNENROLL, UNENROLL_FAILED = "unenroll", "unenrollFailed"
GRADUATE, PREF_CHANGED, VALIDATION_FAILED = "graduate", "expPrefChanged", "validationFailed"

PREFERENCE_STUDY, ADDON_STUDY = "preference_study", "addon_study"
PREFERENCE_ROLLOUT, ADDON_ROLLOUT = "preference_rollout", "addon_rollout"
PREFERENCE_ROLLBACK, ADDON_ROLLBACK = "preference_rollback", "addon_rollback"
NIMBUS_EXPERIMENT = "nimbus_experiment"

ROLLOUT_OF = {PREFERENCE_ROLLBACK: PREFERENCE_ROLLOUT, ADDON_ROLLBACK: ADDON_ROLLOUT}
"""A rollback ends a rollout of the same slug."""

_ENROLLABLE = frozenset({PREFERENCE_STUDY, ADDON_STUDY, PREFERENCE_ROLLOUT, ADDON_ROLLOUT, NIMBUS_EXPERIMENT})

OBJECTS: Mapping[str, Mapping[str, frozenset[str]]] = {
    SEED: {
        ENROLL: frozenset({PREFERENCE_STUDY, ADDON_STUDY}),
        ENROLL_FAILED: frozenset({ADDON_STUDY}),
        UNENROLL: frozenset({PREFERENCE_STUDY, ADDON_STUDY}),
    },
    LATER: {
        ENROLL: _ENROLLABLE,
        ENROLL_FAILED: _ENROLLABLE,
        UPDATE: _ENROLLABLE - {PREFERENCE_STUDY},
        UPDATE_FAILED: frozenset({ADDON_STUDY, ADDON_ROLLOUT}),
        UNENROLL: frozenset(
            {PREFERENCE_STUDY, ADDON_STUDY, PREFERENCE_ROLLBACK, ADDON_ROLLBACK}
            | {NIMBUS_EXPERIMENT, PREFERENCE_ROLLOUT}
        ),
        UNENROLL_FAILED: frozenset(
            {PREFERENCE_ROLLBACK, PREFERENCE_STUDY, ADDON_ROLLBACK, NIMBUS_EXPERIMENT, PREFERENCE_ROLLOUT}
        ),
        GRADUATE: frozenset({PREFERENCE_ROLLOUT}),
        PREF_CHANGED: frozenset({PREFERENCE_STUDY}),
        VALIDATION_FAILED: frozenset({NIMBUS_EXPERIMENT}),
    },
}

_ADDON = frozenset({"addonId", "addonVersion"})
_SEED_KEYS: Mapping[tuple[str, str], frozenset[str]] = {
    (ENROLL, PREFERENCE_STUDY): frozenset({"branch", "experimentType"}),
    (UNENROLL, PREFERENCE_STUDY): frozenset({"didResetValue", "reason"}),
    (ENROLL, ADDON_STUDY): _ADDON,
    (ENROLL_FAILED, ADDON_STUDY): frozenset({"reason"}),
    (UNENROLL, ADDON_STUDY): _ADDON | {"reason"},
}
_LATER_KEYS: Mapping[str, frozenset[str]] = {
    ENROLL: _ADDON | {"experimentType", "branch", "enrollmentId"},
    ENROLL_FAILED: frozenset(
        {"reason", "preference", "detail", "branch", "addonId", "conflictingSlug", "enrollmentId"}
        | {"prefBranch"}
    ),
    UPDATE: _ADDON | {"previousState", "branch", "enrollmentId"},
    UPDATE_FAILED: frozenset({"reason", "detail", "branch", "enrollmentId"}),
    UNENROLL: _ADDON
    | {"reason", "didResetValue", "branch", "enrollmentId", "changedPref", "conflictingSlug"}
    | {"prefName", "prefType"},
    UNENROLL_FAILED: frozenset({"reason", "enrollmentId", "changedPref", "caller", "originalReason"}),
    GRADUATE: frozenset({"enrollmentId", "reason"}),
    PREF_CHANGED: frozenset({"preferenceName", "reason", "enrollmentId"}),
    VALIDATION_FAILED: frozenset({"reason", "branch", "feature", "locale", "l10n_ids"}),
}
_OF_GLEAN_ONLY = frozenset({"value", "glean_timestamp"})

_PREFERENCE_REASONS = frozenset(
    {"recipe-not-seen", "user-preference-changed", "user-preference-changed-sideload", "unknown"}
)
_ADDON_REASONS = frozenset(
    {"install-failure", "individual-opt-out", "general-opt-out", "recipe-not-seen", "uninstalled"}
    | {"uninstalled-sideload", "unknown"}
)
# Method and object to the reasons that are documented or were seen; others have open sets.
REASONS: Mapping[tuple[str, str], frozenset[str]] = {
    (UNENROLL, PREFERENCE_STUDY): _PREFERENCE_REASONS | {"individual-opt-out", "general-opt-out"},
    (UNENROLL, ADDON_STUDY): _ADDON_REASONS,
    (ENROLL_FAILED, PREFERENCE_STUDY): frozenset({"invalid-branch", "name-conflict", "unknown"}),
    (ENROLL_FAILED, PREFERENCE_ROLLOUT): frozenset({"invalid type", "would-be-no-op", "conflict", "unknown"}),
    (UNENROLL_FAILED, PREFERENCE_STUDY): frozenset({"does-not-exist", "already-unenrolled", "unknown"}),
    (UNENROLL_FAILED, PREFERENCE_ROLLBACK): frozenset(
        {"does-not-exist", "already-unenrolled", "in-graduation-set", "unknown"}
    ),
    (GRADUATE, PREFERENCE_ROLLOUT): frozenset({"all-prefs-match", "in-graduation-set", "unknown"}),
    (PREF_CHANGED, PREFERENCE_STUDY): frozenset({"observer", "sideload", "at-enroll", "unknown"}),
}
_SEED_REASONS: Mapping[tuple[str, str], frozenset[str]] = {
    (UNENROLL, PREFERENCE_STUDY): _PREFERENCE_REASONS,
    (UNENROLL, ADDON_STUDY): _ADDON_REASONS,
}
UNKNOWN_REASON = "unknown"
REASON_ALIASES = {"atEnroll": "at-enroll", "onEnroll": "at-enroll"}

EXPERIMENT_TYPES = frozenset({"exp", "exp-highpop"})

# The classes of reasons why clients leave a study.
VOLUNTARY, INVOLUNTARY, DEFECT, UNDETERMINED = "voluntary", "involuntary", "defect", "undetermined"
REASON_CLASSES = {
    "individual-opt-out": VOLUNTARY,
    "general-opt-out": VOLUNTARY,
    "uninstalled": VOLUNTARY,
    "user-preference-changed": VOLUNTARY,
    "recipe-not-seen": INVOLUNTARY,
    "unknown": DEFECT,
    "install-failure": DEFECT,
    "user-preference-changed-sideload": UNDETERMINED,
    "uninstalled-sideload": UNDETERMINED,
}


def is_for_method(method: str, object_: str, era: str) -> bool:
    """Return whether the grammar of *era* has *object_* for *method*."""
    return object_ in OBJECTS[era].get(method, ())


def keys_of(method: str, object_: str, era: str, *, is_glean: bool = False) -> frozenset[str]:
    """Return the extra keys that an event may have."""
    keys = _SEED_KEYS.get((method, object_)) if era == SEED else _LATER_KEYS.get(method)
    return (keys or frozenset()) | (_OF_GLEAN_ONLY if is_glean else frozenset())


def knows_reason(method: str, object_: str, reason: str, era: str) -> bool:
    """Return whether *reason* is one that clients give; every reason is where the set is open."""
    closed = (_SEED_REASONS if era == SEED else REASONS).get((method, object_))
    return closed is None or reason in closed
