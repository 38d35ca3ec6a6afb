"""Checks values against the schemas, and explains in one line what is wrong."""

from functools import cache
from typing import Any

import jsonschema_rs

from telemetry_server.fuel.documents import schemas

MAX_REASON_CHARACTERS = 300


class Checker:
    """A compiled schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        # `format` is a description here: a checked "time" would demand a time zone, which no sender has.
        # Reasons are kept and shown, so they do not repeat what a client sent.
        self._validator = jsonschema_rs.Draft4Validator(schema, validate_formats=False, mask="the value")
        self.accepts = self._validator.is_valid

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with *value*, with its place; None if nothing is."""
        error = next(iter(self._validator.iter_errors(value)), None)
        if error is None:
            return None
        place = ".".join(str(part) for part in error.instance_path)
        words = " ".join(error.message.split())
        return (f"{place}: {words}" if place else words)[:MAX_REASON_CHARACTERS]


@cache
def action_log_checkers() -> dict[str, Checker]:
    """Return the checker of each action type."""
    return {name: Checker(schema) for name, schema in schemas.ACTION_LOG_OF_TYPE.items()}


@cache
def oswl_checker() -> Checker:
    """Return the checker of a workload record."""
    return Checker(schemas.OSWL)


@cache
def ostf_checker() -> Checker:
    """Return the checker of a health-check run."""
    return Checker(schemas.OSTF_RUN)


@cache
def structure_checker() -> Checker:
    """Return the checker of an installation structure."""
    return Checker(schemas.INSTALLATION_STRUCTURE)
