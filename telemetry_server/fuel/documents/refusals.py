"""How a refused item is kept: with its reason, without private values, and not too long."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from telemetry_server.fuel.documents.doctypes import MAX_INTEGER, MIN_INTEGER, BatchForm, Doctype
from telemetry_server.fuel.documents.private_values import Leak
from telemetry_server.fuel.documents.redaction import NestedTooDeeply, redacted, redacted_text
from telemetry_server.fuel.documents.rows import Refused, Row
from telemetry_server.pings.json_text import json_of

MAX_KEPT_ITEM_BYTES = 64 << 10


def refused_item(form: BatchForm, item: Any, reason: str) -> Refused:
    """Return the entry under which a refused *item* is kept."""
    values = item if isinstance(item, dict) else {}
    leaks: Counter[Leak] = Counter()
    key = tuple(_shown_key(values.get(name), leaks) for name in form.key_names)
    return Refused(form.doctype, key, redacted_text(reason, leaks), kept_text(item, leaks))


def kept_text(item: Any, leaks: Counter[Leak]) -> str:
    """Return the JSON under which a refused *item* is kept: without private values, and not too long."""
    try:
        text = json_of(_mended(redacted(item, leaks))).decode("utf-8", "replace")
    except (NestedTooDeeply, TypeError, ValueError, RecursionError):
        return json_of("not kept: it cannot be written as JSON").decode()
    if len(text) > MAX_KEPT_ITEM_BYTES:
        return json_of(f"not kept: {len(text)} characters long").decode()
    return text.replace("\\u0000", "\\ufffd")


def _mended(value: Any) -> Any:
    """Return *value* with texts that UTF-8 can hold, and null for numbers that are not finite."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, dict):
        return {_mended(key): _mended(inner) for key, inner in value.items()}
    return [_mended(inner) for inner in value] if isinstance(value, list) else value


def _shown_key(value: Any, leaks: Counter[Leak]) -> Any:
    """Return what an answer repeats of a bad key: a scalar without private values, else null."""
    if isinstance(value, str):
        return redacted_text(_mended(value), leaks)[:255].replace("\0", "\ufffd")
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    if isinstance(value, int) and not MIN_INTEGER <= value <= MAX_INTEGER:
        return str(value)[:255]
    return value if isinstance(value, int | float) else None


def refused_document(doctype: Doctype, document: Any, reason: str) -> Refused:
    """Return the entry under which a refused *document* is kept that came alone."""
    leaks: Counter[Leak] = Counter()
    uid = document.get("master_node_uid") if isinstance(document, dict) else None
    return Refused(
        doctype, (_shown_key(uid, leaks),), redacted_text(reason, leaks), kept_text(document, leaks)
    )


def refused_row(form: BatchForm, row: Row, reason: str) -> Refused:
    """Return the entry under which a row is kept that the database refused."""
    item = {name: str(value) for name, value in asdict(row).items()}
    return Refused(form.doctype, row.key, reason, kept_text(item, Counter()))
