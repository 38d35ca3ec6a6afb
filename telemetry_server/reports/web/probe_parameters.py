"""The parameters of the pages of one probe, by the names that the API has for them."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from telemetry_server.reports.aggregates_api import (
    DEFAULT_PERCENTILES,
    HistogramParameters,
    Percentiles,
)
from telemetry_server.reports.parameters import DAY_WORDS, Day, Format, Parameters, Text, Whole

COMPARED = re.compile(r"[0-9]{1,4}|[0-9]{8}")
MAX_LABELS_SHOWN = 100


class OneProbeParameters(Parameters):
    """Of the page of one probe."""

    by: Literal["build", "day"] = "build"
    channel: Text = ""
    version: Text = ""
    compare: Annotated[Text, Field(description="a major version, a build date, or a branch")] = ""
    application: Text = ""
    doctype: Text = ""
    os: Text = ""
    os_version: Text = ""
    architecture: Text = ""
    process: Text = ""
    label: Text = ""
    experiment: Text = ""
    first: Annotated[Day | None, Field(alias="from", description=DAY_WORDS)] = None
    last: Annotated[Day | None, Field(alias="to", description=DAY_WORDS)] = None
    weight: Literal["samples", "clients"] = "samples"
    percentiles: Percentiles = DEFAULT_PERCENTILES
    scale: Literal["log", "linear"] = "log"
    at: Annotated[Text, Field(description="one build, day or branch")] = ""
    merge: Literal["coarsen"] | None = None
    as_of: Annotated[Day | None, Field(description=f"the answer of the end of that day: {DAY_WORDS}")] = None
    limit: Annotated[Whole, Field(ge=1, le=10_000)] = MAX_LABELS_SHOWN  # of keys
    format: Format = None

    @property
    def grouping(self) -> str:
        """By what the API groups."""
        return "branch" if self.experiment else self.by

    def asked(self, metric: str, **changes: Any) -> HistogramParameters:
        """Return the question of the API that this view is the answer to."""
        names = (
            *("application", "doctype", "channel", "version", "os", "os_version", "architecture"),
            *("process", "experiment", "first", "last", "weight", "percentiles", "merge"),
            "as_of",
        )
        values: dict[str, Any] = {name: getattr(self, name) for name in names}
        values |= {"metric": metric, "by": self.grouping, "label": self.label or None, **changes}
        return HistogramParameters(**values)
