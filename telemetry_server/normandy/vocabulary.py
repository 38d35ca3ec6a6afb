"""
The words of uptake: sources, statuses, and what a status means for each kind of source.

Source: the uptake module of Firefox and Normandy's data collection documents (docs/normandy.md).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

RUNNER, ACTION, RECIPE, UNPARSED = "runner", "action", "recipe", "unparsed"
COMPONENT = "normandy"
OLD_COMPONENT = "shield-recipe-client"  # before the rename
SUCCESS, NOT_APPLICABLE = "success", "backoff"

HISTOGRAM = "UPTAKE_REMOTE_CONTENT_RESULT_1"
# The labels of that histogram in the order of their buckets, for revisions whose definition is not at hand.
HISTOGRAM_WORDS = (
    "up_to_date",
    "success",
    "backoff",
    "pref_disabled",
    "parse_error",
    "content_error",
    "sign_error",
    "sign_retry_error",
    "conflict_error",
    "sync_error",
    "apply_error",
    "server_error",
    "certificate_error",
    "download_error",
    "timeout_error",
    "network_error",
    "offline_error",
    "cleanup_error",
    "unknown_error",
    "custom_1_error",
    "custom_2_error",
    "custom_3_error",
    "custom_4_error",
    "custom_5_error",
)
HISTOGRAM_BUCKETS = 51
_LATER_WORDS = (
    "shutdown_error",
    "corruption_error",
    "sync_broken_error",
    "sync_start",
    "download_start",
    "stale_expected",
)
WORDS = frozenset(HISTOGRAM_WORDS) | frozenset(_LATER_WORDS)

# Kind to wire word to the statuses that it stands for.  No client sends the status names themselves.
STATUSES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    RUNNER: {
        "success": ("RUNNER_SUCCESS",),
        "network_error": ("RUNNER_NETWORK_ERROR",),
        "server_error": ("RUNNER_SERVER_ERROR",),
        "sign_error": ("RUNNER_INVALID_SIGNATURE",),
    },
    ACTION: {
        "success": ("ACTION_SUCCESS",),
        "network_error": ("ACTION_NETWORK_ERROR",),
        "server_error": ("ACTION_SERVER_ERROR",),
        "custom_1_error": ("ACTION_PRE_EXECUTION_ERROR",),
        "custom_2_error": ("ACTION_POST_EXECUTION_ERROR",),
    },
    RECIPE: {
        "success": ("RECIPE_SUCCESS",),
        "custom_1_error": ("RECIPE_ACTION_DISABLED",),
        "apply_error": ("RECIPE_EXECUTION_ERROR",),
        "download_error": ("RECIPE_INVALID_ACTION",),
        "backoff": ("RECIPE_DIDNT_MATCH_FILTER", "RECIPE_INCOMPATIBLE_CAPABILITIES"),
        "content_error": ("RECIPE_ARGUMENTS_INVALID", "RECIPE_FILTER_BROKEN"),
        "sign_error": ("RECIPE_INVALID_SIGNATURE",),
    },
}
_KIND_AND_WORD = {
    name: (kind, word) for kind, words in STATUSES.items() for word, names in words.items() for name in names
}
_KIND_AND_WORD["RECIPE_SIGNATURE_INVALID"] = (RECIPE, "sign_error")  # later documents' spelling
_ALIASES = {"signature_error": "sign_error"}

MEANINGS: Mapping[str, str] = {
    "RUNNER_SUCCESS": "the cycle finished; its actions and recipes report for themselves",
    "RUNNER_NETWORK_ERROR": "the client could not reach the source of recipes",
    "RUNNER_SERVER_ERROR": "the server's answer was unusable",
    "RUNNER_INVALID_SIGNATURE": "the signature of the recipes was not valid",
    "ACTION_SUCCESS": "the action completed; its recipes report for themselves",
    "ACTION_NETWORK_ERROR": "the action could not be fetched: network",
    "ACTION_SERVER_ERROR": "the action could not be fetched: bad answer",
    "ACTION_PRE_EXECUTION_ERROR": "preparing the action failed; it is disabled for the cycle",
    "ACTION_POST_EXECUTION_ERROR": "finishing the action failed",
    "RECIPE_SUCCESS": "the recipe was executed",
    "RECIPE_ACTION_DISABLED": "its action failed before, so the recipe was skipped",
    "RECIPE_EXECUTION_ERROR": "the recipe failed while it was executed",
    "RECIPE_INVALID_ACTION": "its action is missing or invalid",
    "RECIPE_DIDNT_MATCH_FILTER": "the recipe is not for this client: not an error",
    "RECIPE_INCOMPATIBLE_CAPABILITIES": "the client lacks a capability that the recipe needs: not an error",
    "RECIPE_FILTER_BROKEN": "the recipe's filter could not be evaluated",
    "RECIPE_ARGUMENTS_INVALID": "the recipe's arguments do not fit its action",
    "RECIPE_INVALID_SIGNATURE": "the recipe's signature was not valid",
}

_SOURCE = re.compile(
    rf"(?:{COMPONENT}|{OLD_COMPONENT})/"
    r"(?:runner|action/(?P<action>[A-Za-z0-9][A-Za-z0-9_-]*)|recipe/(?P<recipe>[0-9]+))"
)


@dataclass(frozen=True, slots=True)
class Source:
    """What reported a status."""

    component: str  # "normandy" for the old name too
    kind: str
    name: str  # '' for a runner, the action's name, or the recipe's id
    anomalies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """A status as one kind of source reports it."""

    word: str  # the wire word
    names: tuple[str, ...]  # the statuses that the word may stand for, sorted
    anomalies: tuple[str, ...] = ()


def parse_source(text: str) -> Source:
    """Return what *text*, such as ``normandy/recipe/88``, names."""
    component = text.partition("/")[0]
    if component not in (COMPONENT, OLD_COMPONENT):
        return Source(component, UNPARSED, "")
    aliases = ("alias_prefix",) if component == OLD_COMPONENT else ()
    found = _SOURCE.fullmatch(text)
    if found is None:
        return Source(COMPONENT, UNPARSED, "", (*aliases, "source_unparsed"))
    if found["action"]:
        return Source(COMPONENT, ACTION, found["action"], aliases)
    if found["recipe"]:
        return Source(COMPONENT, RECIPE, found["recipe"], aliases)
    return Source(COMPONENT, RUNNER, "", aliases)


def read_status(kind: str, text: str) -> Status:
    """Return the status that *text*, a wire word or a long name, is for a source of *kind*."""
    anomalies: tuple[str, ...] = ()
    word = text
    if text in _ALIASES:
        word, anomalies = _ALIASES[text], ("alias_signature_error",)
    elif text in _KIND_AND_WORD:
        of_kind, word = _KIND_AND_WORD[text]
        if kind != of_kind:
            return Status(word, (), ("word_not_in_kind",))
    if word not in WORDS:
        return Status(word, (), (*anomalies, "word_unknown"))
    if kind == UNPARSED:
        return Status(word, (), anomalies)
    names = STATUSES[kind].get(word, ())
    return Status(word, names, anomalies if names else (*anomalies, "word_not_in_kind"))
