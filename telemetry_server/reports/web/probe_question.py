"""The question of a probe's page: which numbers of the API it shows, and the addresses of its views."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from telemetry_server.access.roles import Right
from telemetry_server.reports.aggregates_api import histogram_of
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.addresses import address, probe_path, view_of
from telemetry_server.reports.web.probe_parameters import COMPARED, OneProbeParameters

API = "/api/v1/histogram"
Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProbeView:
    """One view of one probe: all that its links are made of."""

    ask: Ask
    name: str
    metric: str
    given: OneProbeParameters

    @property
    def path(self) -> str:
        """The path of the page."""
        return probe_path(self.name) or "/probes"

    def with_(self, **changes: Any) -> str:
        """Return the address of the page with some parameters changed; None is the default."""
        return address(self.path, view_of(self.given, **changes))

    def api(self, **changes: Any) -> str:
        """Return the address of the same numbers on the API."""
        return address(API, view_of(self.given.asked(self.metric, **changes)))

    def csv(self, **changes: Any) -> str:
        """Return the same as CSV."""
        return f"{self.api(**changes)}&format=csv"

    def pings(self, **more: Any) -> str:
        """Return the address of the pings behind a number; empty where the visitor may not see them."""
        if not self.ask.visitor.may(Right.RECORDS):
            return ""
        default = OneProbeParameters.model_fields["percentiles"].default
        question = view_of(self.given.asked(self.metric, weight="samples", percentiles=default))
        if self.metric == self.name:
            question.pop("metric")
        return address(f"{self.path}/pings", {**question, **more})

    def pings_of_scope(self, **more: Any) -> str:
        """Return the address of the pings behind the distribution: of the pinned group, or of all."""
        bounds = {"from": self.given.at, "to": self.given.at} if self.bounds() else {}
        return self.pings(**bounds, **more)

    def bounds(self) -> dict[str, Any]:
        """Return the question's bounds for the pinned group, or for all."""
        if self.given.at and not self.given.experiment:
            return {"first": self.given.at, "last": self.given.at}
        return {}


def check_groups(given: OneProbeParameters) -> None:
    """
    Check that ``at`` and ``compare`` can name a group.

    Raises:
        Problem: One is not a day, or not a version.
    """
    if given.compare and not given.experiment and not COMPARED.fullmatch(given.compare):
        raise Problem(
            "bad-parameter",
            "compare: not a version like 155, nor the date of a build like 20261127",
            members={"parameter": "compare"},
        )
    if (
        given.at
        and not given.experiment
        and not (len(given.at) == 8 and given.at.isascii() and given.at.isdigit())
    ):
        raise Problem(
            "bad-parameter",
            f"at: not a {given.by} like 20261127",
            members={"parameter": "at"},
        )


async def answer_of(view: ProbeView, **changes: Any) -> Found:
    """Return the API's answer; an empty one for a metric that is defined and was never sent."""
    try:
        return await histogram_of(view.ask, view.given.asked(view.metric, **changes))
    except Problem as problem:
        if problem.name != "not-found":
            raise
    return {
        "metric": view.metric,
        "kind": None,
        "rows": [],
        "as_of": None,
        "suppressed": {"cells": 0, "samples": 0},
        "other_shapes": [],
        "left_out": {"automation": 0, "implausible_build": 0},
        "reason": "not_sent_by_this_version",
    }
