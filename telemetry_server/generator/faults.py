"""
The faults of generated pings, by the reason that the server gives for them.

The table has every reason that a client can cause alone.  Reasons that need an
operator's schemas or rules (``unknown_doctype``, ``schema_violation``, ``unwanted``)
are missing.
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson

from telemetry_server.generator.definitions import Definitions
from telemetry_server.generator.payloads import Draft, Layout

GZIP_LEVEL = 6  # as in Firefox
PAST_NESTING_LIMIT = 65
PAST_INFLATED_LIMIT = 9 * 2**20
PAST_COUNT_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class FaultyPing:
    """A ping with a fault, ready to be sent."""

    path: str
    body: bytes
    dropped: int = 0  # histograms that the server will drop


def text_of(draft: Draft) -> bytes:
    """Return the payload as JSON."""
    return orjson.dumps(draft.payload)


def packed(text: bytes) -> bytes:
    """Return *text* gzipped, as clients send it."""
    return gzip.compress(text, GZIP_LEVEL, mtime=0)


def _payload_fault(
    change: Callable[[Random, Draft], None],
) -> Callable[[Random, Draft, Definitions], FaultyPing]:
    def put_fault(chance: Random, draft: Draft, _definitions: Definitions) -> FaultyPing:
        change(chance, draft)
        return FaultyPing(draft.path, packed(text_of(draft)))

    return put_fault


def _invalid_path(chance: Random, draft: Draft, _definitions: Definitions) -> FaultyPing:
    path = chance.choice(
        (
            f"/submit/{draft.document_id}",
            f"/submit/telemetry/{draft.document_id}/only/three/parts",
            f"/submit/a/b/1/{draft.document_id}/and/more",
        )
    )
    return FaultyPing(path, packed(text_of(draft)))


def _invalid_document_id(chance: Random, draft: Draft, _definitions: Definitions) -> FaultyPing:
    wrong = chance.choice(("not-a-uuid", draft.document_id[:-1], draft.document_id.replace("-", "")))
    return FaultyPing(draft.path.replace(draft.document_id, wrong), packed(text_of(draft)))


def _empty_body(_chance: Random, draft: Draft, _definitions: Definitions) -> FaultyPing:
    return FaultyPing(draft.path, b"")


def _corrupt_gzip(chance: Random, draft: Draft, _definitions: Definitions) -> FaultyPing:
    body = packed(text_of(draft))
    torn = body[: len(body) // 2]
    # The checksum is the fourth to eighth byte from the end.
    wrong_checksum = body[:-8] + bytes(255 - byte for byte in body[-8:-4]) + body[-4:]
    return FaultyPing(draft.path, chance.choice((torn, wrong_checksum)))


def _too_large(_chance: Random, draft: Draft, _definitions: Definitions) -> FaultyPing:
    return FaultyPing(draft.path, packed(text_of(draft) + b" " * PAST_INFLATED_LIMIT))


def _invalid_json(chance: Random, draft: Draft, _definitions: Definitions) -> FaultyPing:
    text = text_of(draft)
    deep = b'{"a":' * PAST_NESTING_LIMIT + b"1" + b"}" * PAST_NESTING_LIMIT
    variants = (
        text[: len(text) * 2 // 3],
        text[:-1] + b',"uptime":NaN}',
        text[:-1] + b',"adapter":"Grafikkarte f\xfcr B\xfcros"}',
        b"[" + text + b"]",
        deep,
        b"hello",
    )
    return FaultyPing(draft.path, packed(chance.choice(variants)))


def _unknown_version(chance: Random, draft: Draft) -> None:
    key = "ver" if draft.layout is Layout.CLASSIC else "version"
    del draft.payload[key]
    wrong: object = chance.choice((99, "1", None))
    if wrong is not None:
        draft.payload[key] = wrong


def _missing_field(chance: Random, draft: Draft) -> None:
    if draft.layout is Layout.CLASSIC:
        name = chance.choice(("info", "histograms"))
        holder = draft.payload
    else:
        name = chance.choice(("application", "payload"))
        holder = draft.payload
    if chance.random() < 0.5:
        del holder[name]
    else:
        holder[name] = None


def _missing_revision(_chance: Random, draft: Draft) -> None:
    del draft.section["info"]["revision"]


def _invalid_revision(chance: Random, draft: Draft) -> None:
    draft.section["info"]["revision"] = chance.choice(
        (
            "https://hg.mozilla.org/mozilla-central/rev/tip",
            "/rev/",
            "mozilla-central",
            "https://hg.mozilla.org/rev/0123456789ab",
        )
    )


def _unknown_revision(chance: Random, draft: Draft) -> None:
    made_up = f"{chance.getrandbits(48):012x}"
    draft.section["info"]["revision"] = f"https://hg.mozilla.org/mozilla-central/rev/{made_up}"


# Faults of a whole submission.  The line formats have neither path nor gzip, so only half of these fit them.
PAYLOAD_FAULTS: dict[str, Callable[[Random, Draft, Definitions], FaultyPing]] = {
    "invalid_json": _invalid_json,
    "unknown_version": _payload_fault(_unknown_version),
    "missing_field": _payload_fault(_missing_field),
    "missing_revision": _payload_fault(_missing_revision),
    "invalid_revision": _payload_fault(_invalid_revision),
    "unknown_revision": _payload_fault(_unknown_revision),
}
TRANSPORT_FAULTS: dict[str, Callable[[Random, Draft, Definitions], FaultyPing]] = {
    "invalid_path": _invalid_path,
    "invalid_document_id": _invalid_document_id,
    "empty_body": _empty_body,
    "corrupt_gzip": _corrupt_gzip,
    "too_large": _too_large,
}


def _malformed(chance: Random, histogram: dict[str, Any]) -> Any:
    variant = chance.randrange(4)
    if variant == 0:
        return [1, 2, 3]
    if variant == 1:
        del histogram["values"]
    elif variant == 2:
        histogram["values"] = list(histogram["values"].values())
    else:
        histogram["bucket_count"] = "many"
    return histogram


def _type_mismatch(_chance: Random, histogram: dict[str, Any]) -> Any:
    histogram["histogram_type"] = (histogram["histogram_type"] + 1) % 5
    return histogram


def _bucket_count_mismatch(_chance: Random, histogram: dict[str, Any]) -> Any:
    histogram["bucket_count"] += 1
    return histogram


def _range_mismatch(_chance: Random, histogram: dict[str, Any]) -> Any:
    low, high = histogram["range"]
    histogram["range"] = [low, high + 1]
    return histogram


def _invalid_bucket(chance: Random, histogram: dict[str, Any]) -> Any:
    past_the_last = str(histogram["range"][1] + 1)
    histogram["values"][chance.choice((past_the_last, "01", " 1", "-1", "1.0", "many"))] = 1
    return histogram


def _invalid_count(chance: Random, histogram: dict[str, Any]) -> Any:
    key = chance.choice(list(histogram["values"]))
    histogram["values"][key] = chance.choice((-1, 1.5, "3", PAST_COUNT_LIMIT, True, None))
    return histogram


# Faults of single histograms; the ping is stored without these histograms.
HISTOGRAM_FAULTS: dict[str, Callable[[Random, dict[str, Any]], Any]] = {
    "malformed": _malformed,
    "type_mismatch": _type_mismatch,
    "bucket_count_mismatch": _bucket_count_mismatch,
    "range_mismatch": _range_mismatch,
    "invalid_bucket": _invalid_bucket,
    "invalid_count": _invalid_count,
}
NAME_FAULTS = ("unknown_histogram", "unusable_spec")


def histogram_fault_names(definitions: Definitions) -> tuple[str, ...]:
    """Return the reasons for dropped histograms that pings of these definitions can cause."""
    names = NAME_FAULTS if definitions.unusable else NAME_FAULTS[:1]
    return (*HISTOGRAM_FAULTS, *names)


def put_fault_into_histograms(
    chance: Random, draft: Draft, definitions: Definitions, fault: str
) -> FaultyPing:
    """Put the *fault* into one to three histograms of *draft*."""
    wanted = chance.randint(1, 3)
    histograms = draft.histograms
    # Flags and counts are checked in the same way, but larger histograms are more realistic.
    names = sorted(name for name, value in histograms.items() if value["histogram_type"] in (0, 1))
    chosen = chance.sample(names, min(wanted, len(names)))
    if fault == "unknown_histogram":
        for name in chosen:
            histograms[chance.choice(("UNDEFINED_", "STARTUP_STARTUP_")) + name] = histograms.pop(name)
    elif fault == "unusable_spec":
        chosen = list(definitions.unusable[:wanted])
        for name in chosen:
            histograms[name] = _of_unknown_size(chance)
    else:
        for name in chosen:
            histograms[name] = HISTOGRAM_FAULTS[fault](chance, histograms[name])
    return FaultyPing(draft.path, packed(text_of(draft)), dropped=len(chosen))


def _of_unknown_size(chance: Random) -> dict[str, Any]:
    size = chance.randint(10, 40)
    return {
        "range": [1, size],
        "bucket_count": size + 1,
        "histogram_type": 1,
        "values": {"0": 1, str(size): chance.randint(1, 9)},
        "sum": size,
    }
