"""
The operator's rules for builds: which installations are left out of reports (``is_filtered``).

The rules are an allow-list by Fuel release.  A file of rules is JSON:
``{"9.0": [{"build_id": "b1", "from": "2026-01-01"}, {"packages": ["p1", "p2"]}], "9.1": null, "9.2": []}``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


class BadBuildRules(Exception):
    """The file of rules does not have its form."""


BuildName = str | frozenset[str]


@dataclass(frozen=True, slots=True)
class BuildRules:
    """
    The builds of each release, each with the moment from which it counts (None: always).

    A release without limits is None.  Without any release nothing is filtered.
    """

    releases: Mapping[str, Mapping[BuildName, datetime | None] | None]

    def is_filtered(self, structure: Mapping[str, Any], now: datetime) -> bool:
        """Return whether the installation is left out of reports, at the moment *now*."""
        if not self.releases:
            return False
        fuel_release = structure.get("fuel_release") or {}
        release = fuel_release.get("release")
        if not isinstance(release, str) or release not in self.releases:
            return True
        builds = self.releases[release]
        if builds is None:
            return False
        names: list[BuildName] = []
        if fuel_release.get("build_id"):
            names.append(fuel_release["build_id"])
        if structure.get("fuel_packages"):
            names.append(frozenset(structure["fuel_packages"]))
        return any(not _counts(builds, name, now) for name in names)


def _counts(builds: Mapping[BuildName, datetime | None], name: BuildName, now: datetime) -> bool:
    if name not in builds:
        return False
    begins = builds[name]
    return begins is None or begins <= now


def build_rules_of(value: object) -> BuildRules:
    """
    Return the rules of a parsed file.

    Raises:
        BadBuildRules: It does not have the form of rules; the text says where.
    """
    if value is None:
        return BuildRules({})
    if not isinstance(value, dict):
        raise BadBuildRules("must be an object with a release in each key")
    return BuildRules({release: _builds_of(release, builds) for release, builds in value.items()})


def _builds_of(release: str, builds: object) -> dict[BuildName, datetime | None] | None:
    if builds is None:
        return None
    if builds == {}:
        return {}
    if not isinstance(builds, list):
        raise BadBuildRules(f'{release}: must be null or a list of builds like {{"build_id": "…"}}')
    return dict(_build_of(release, build) for build in builds)


def _build_of(release: str, build: object) -> tuple[BuildName, datetime | None]:
    if not isinstance(build, dict) or not build.keys() <= {"build_id", "packages", "from"}:
        raise BadBuildRules(f'{release}: a build has "build_id" or "packages", and may have "from"')
    identifier, packages = build.get("build_id"), build.get("packages")
    begins = build.get("from")
    moment = None if begins is None else _moment(release, begins)
    if isinstance(identifier, str) and packages is None:
        return identifier, moment
    if identifier is None and isinstance(packages, list) and all(isinstance(name, str) for name in packages):
        return frozenset(packages), moment
    raise BadBuildRules(f'{release}: a build has either "build_id" (a text) or "packages" (a list of texts)')


def _moment(release: str, text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise BadBuildRules(f'{release}: "from" is a date like 2026-01-01 or 2026-01-01T11:00:00')
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
