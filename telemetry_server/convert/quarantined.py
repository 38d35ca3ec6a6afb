"""
The form in which a submission is written outside of raw/ if it does not become a record.

Identities of anonymous stores and fields that rules remove are left out; the time of arrival is cut as for a
record.  A replay must still have the same outcome.  So versions stay whole, and so does a body if its folder
or its rules would be different without the removed fields.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from storage.partitions.schema import UNKNOWN
from storage.raw.submission import Submission
from telemetry_server.convert.metadata import kept_headers
from telemetry_server.convert.payloads.payload_version import dimension_fields, read_payload
from telemetry_server.convert.privacy import without_identity
from telemetry_server.convert.rule_facts import facts_of
from telemetry_server.convert.rules.rules import Facts, Rules
from telemetry_server.convert.submitted_path import submitted_path
from telemetry_server.outcomes.refusal import Refusal
from telemetry_server.pings.doctype_check import DoctypeCatalogue
from telemetry_server.pings.errors import PingError
from telemetry_server.pings.inflate import inflate
from telemetry_server.pings.json_place import key_text
from telemetry_server.pings.json_text import json_of, parse_object
from telemetry_server.pings.submit_path import TELEMETRY, SubmitPath, with_one_slash
from telemetry_server.probes.identity import Identity
from telemetry_server.probes.stores import Stores


def as_quarantined(
    submission: Submission, stores: Stores, rules: Rules | None, doctypes: DoctypeCatalogue | None
) -> tuple[Submission, list[Identity]]:
    """Return the form of *submission* that is written, and the identities that were removed."""
    kept, identities = without_identity(submission, stores)
    if rules is not None and rules.has_removals:
        kept = _after_rules(kept, rules, doctypes)
    return kept, identities


def _after_rules(submission: Submission, rules: Rules, doctypes: DoctypeCatalogue | None) -> Submission:
    path, text, headers = _path_of(submission), _text_of(submission.body), kept_headers(submission)
    facts = _facts_of(path, text, doctypes)
    cut = _parsed(text)
    coarsening, is_cut = rules.remove(facts, cut, headers)
    if is_cut:
        body = json_of(cut)
        if _refusal(rules, path, body, headers, doctypes) == _refusal(rules, path, text, headers, doctypes):
            submission = replace(submission, body=body)
    return coarsening.of_submission(submission)


def _refusal(
    rules: Rules,
    path: SubmitPath | None,
    text: bytes,
    headers: Mapping[str, str],
    doctypes: DoctypeCatalogue | None,
) -> tuple[Facts, str | None]:
    """Return the facts that decide the folder and the rules of a ping, and the refusal by a rule."""
    facts = _facts_of(path, text, doctypes)
    return facts, rules.apply(facts, _parsed(text), headers).refusal


def _facts_of(path: SubmitPath | None, text: bytes, doctypes: DoctypeCatalogue | None) -> Facts:
    """Return the facts that rules test, as far as they are known."""
    if path is None:
        return facts_of(UNKNOWN, UNKNOWN, "", {})
    try:
        payload = read_payload(_parsed(text), path, doctypes, Counter())
    except Refusal:
        in_path = {
            "appName": path.app_name,
            "appVersion": path.app_version,
            "appUpdateChannel": path.channel,
            "appBuildID": path.build_id,
        }
        return facts_of(path.namespace, path.doctype or UNKNOWN, path.docversion or "", in_path)
    doctype = key_text(payload.doctype or path.doctype or UNKNOWN)
    return facts_of(path.namespace, doctype, payload.docversion, dimension_fields(payload, path))


def _path_of(submission: Submission) -> SubmitPath | None:
    """Return the path; if it is invalid, only what rules test: namespace, doctype and version."""
    try:
        return submitted_path(submission)
    except PingError:
        root, submit, *segments = with_one_slash(submission.path).split("/")[:5]
        if root or submit != "submit" or not segments:
            return None
        namespace, doctype, docversion = (*map(unquote, segments), "", "")[:3]
        if namespace == TELEMETRY:
            return SubmitPath("", TELEMETRY)
        return SubmitPath("", namespace, doctype or UNKNOWN, docversion)


def _text_of(body: bytes) -> bytes:
    try:
        return inflate(body).data
    except PingError:
        return b""


def _parsed(text: bytes) -> dict[str, Any]:
    """Return the JSON object in *text*, or an empty one if *text* is something else."""
    try:
        return parse_object(text).value
    except PingError:
        return {}
