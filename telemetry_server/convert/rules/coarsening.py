"""What is stored less exactly than it came: the time of arrival, and versions of the application."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from storage.raw.submission import Submission

HOUR, DAY = "hour", "day"
ARRIVALS = (HOUR, DAY)  # from finer to coarser
MAJOR = "major"

# Where a record has the version of the application.  Build ids and revisions stay: definitions need them.
VERSION_PLACES = (
    ("info", "appVersion"),
    ("info", "platformVersion"),
    ("application", "version"),
    ("application", "displayVersion"),
    ("application", "platformVersion"),
    ("environment", "build", "version"),
    ("environment", "build", "displayVersion"),
    ("environment", "build", "platformVersion"),
    ("payload", "info", "appVersion"),
    ("client_info", "app_display_version"),
    ("app_version",),
    ("metadata", "user_agent", "version"),
)


@dataclass(frozen=True, slots=True)
class Coarsening:
    """
    What rules want to be stored less exactly.

    Attributes:
        arrival: `HOUR` or `DAY`, to which the time of arrival is cut; empty keeps it.
        has_major_versions: Versions end before their first dot.
    """

    arrival: str = ""
    has_major_versions: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether everything is stored as it came."""
        return not self.arrival and not self.has_major_versions

    def with_(self, other: "Coarsening") -> "Coarsening":
        """Return the coarser of both."""
        if other == EXACT:
            return self
        arrival = max(self.arrival, other.arrival, key=("", *ARRIVALS).index)
        return Coarsening(arrival, has_major_versions=self.has_major_versions or other.has_major_versions)

    def of_submission(self, submission: Submission) -> Submission:
        """Return *submission* with its time of arrival cut, and without the client's own time."""
        if not self.arrival:
            return submission
        moment = submission.received_at.replace(minute=0, second=0, microsecond=0)
        if self.arrival == DAY:
            moment = moment.replace(hour=0)
        headers = {name: value for name, value in submission.headers.items() if not is_time(name)}
        return replace(submission, received_at=moment, headers=headers)

    def of_headers(self, headers: dict[str, str]) -> dict[str, str]:
        """Return *headers* without the client's own time, where the time of arrival is cut."""
        if not self.arrival:
            return headers
        return {name: value for name, value in headers.items() if not is_time(name)}

    def of_fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the *fields* for folders, with the version cut."""
        version = fields.get("appVersion")
        if not self.has_major_versions or not isinstance(version, str):
            return dict(fields)
        return {**fields, "appVersion": major(version)}

    def of_path(self, path: str, version: str | None) -> str:
        """Return the submit *path* with its *version* cut."""
        if not self.has_major_versions or not version:
            return path
        return "/".join(major(part) if part == version else part for part in path.split("/"))

    def change(self, record: dict[str, Any]) -> None:
        """Cut the versions in *record*."""
        if not self.has_major_versions:
            return
        for *parents, name in VERSION_PLACES:
            place: Any = record
            for parent in parents:
                place = place.get(parent) if isinstance(place, dict) else None
            if isinstance(place, dict) and isinstance(place.get(name), str):
                place[name] = major(place[name])


EXACT = Coarsening()


def major(version: str) -> str:
    """Return what is before the first dot of *version*."""
    return version.partition(".")[0]


def is_time(header: str) -> bool:
    """Return whether a header holds the time of the request in the client's own words."""
    return header.lower() == "date"
