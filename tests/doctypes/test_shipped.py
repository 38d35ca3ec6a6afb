"""The shipped schemas accept exactly the Firefox pings that the converter's readers accept."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_server.convert.payloads.classic import read_classic
from telemetry_server.convert.payloads.unified import read_unified
from telemetry_server.doctypes.catalogue import Catalogue
from telemetry_server.doctypes.errors import BadSchema
from telemetry_server.doctypes.layout import DoctypeKey
from telemetry_server.outcomes.refusal import Refusal

CATALOGUE = Catalogue()
SHIPPED = [entry.key for entry in CATALOGUE.entries()]

parts = st.none() | st.integers() | st.text(max_size=3) | st.just([]) | st.just({})
infos = parts | st.fixed_dictionaries({}, optional={"revision": parts, "reason": st.just("idle-daily")})
classic_pings = st.fixed_dictionaries({}, optional={"info": infos, "histograms": parts})
payloads = parts | st.fixed_dictionaries({}, optional={"info": parts, "histograms": parts})
unified_pings = st.fixed_dictionaries(
    {}, optional={"application": parts, "payload": payloads, "environment": parts, "info": parts}
)


def reader_accepts(ping: dict[str, Any]) -> bool:
    """Return whether the converter accepts the form of *ping*."""
    try:
        if "ver" in ping:
            read_classic(ping, ping["ver"])
        else:
            read_unified(ping, ping["version"])
    except Refusal:
        return False
    return True


def schema_accepts(key: DoctypeKey, ping: dict[str, Any]) -> bool:
    validator = CATALOGUE.validator(key)
    assert not isinstance(validator, BadSchema)
    return validator.is_valid(ping)


@pytest.mark.parametrize("key", [key for key in SHIPPED if key.docversion in "12"], ids=str)
@given(ping=classic_pings)
@settings(max_examples=150)
def test_a_classic_schema_accepts_what_its_reader_accepts(key, ping):
    """The converter therefore uses only the reader."""
    ping = {"ver": int(key.docversion), **ping}

    assert schema_accepts(key, ping) == reader_accepts(ping)


@pytest.mark.parametrize("key", [key for key in SHIPPED if key.docversion in "45"], ids=str)
@given(ping=unified_pings)
@settings(max_examples=150)
def test_a_unified_schema_accepts_what_its_reader_accepts(key, ping):
    """The converter therefore uses only the reader."""
    ping = {"version": int(key.docversion), "type": key.doctype, **ping}

    assert schema_accepts(key, ping) == reader_accepts(ping)


def test_each_shipped_schema_has_a_title():
    """The title is shown with the schema."""
    for entry in CATALOGUE.entries():
        assert b'"title"' in entry.text()
