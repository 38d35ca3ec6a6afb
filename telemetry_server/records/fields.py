"""The fields of a stored record that its row in the table ``pings`` holds."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from telemetry_server.pings.client_identity import client_id_of, sample_id_of, uuid_text
from telemetry_server.pings.errors import PingError
from telemetry_server.pings.submit_path import TELEMETRY, SubmitPath, parse_submit_path

Record = Mapping[str, Any]

# Names of one operating system that clients of several kinds send in their own spelling.
OS_NAMES = {"WINNT": "Windows_NT", "Windows": "Windows_NT", "Mac": "Darwin", "macOS": "Darwin"}
LINUX = "Linux"


NAMED_BY_PATHS = 4
"""How many of the first dimensions may be in a path: application, channel, version and build."""
# Where Glean pings have the other dimensions, and where a product's own pings have them.
_CLIENT_FIELDS = (
    ("app_channel", "app_channel"),
    ("app_display_version", "app_version"),
    ("app_build", "app_build"),
    ("os", "os"),
    ("os_version", "os_version"),
    ("architecture", "architecture"),
)


class RecordFields(NamedTuple):
    """One record's values of the table ``pings``; None where the record lacks one."""

    document_id: str  # lower case
    submission_timestamp: datetime  # UTC, microseconds, without a time zone
    namespace: str
    doctype: str
    docversion: str | None
    client_id: str | None  # lower case
    sample_id: int | None  # 0 to 99
    application: str | None
    channel: str | None
    version: str | None
    build_id: str | None
    os: str | None
    os_version: str | None
    architecture: str | None
    reason: str | None
    revision: str | None  # a URL, as sent
    session_id: str | None
    subsession_id: str | None
    profile_subsession_counter: int | None
    experiments: tuple[tuple[str, str | None], ...]  # (experiment, branch), in the record's order
    source_tags: str | None  # the header X-Source-Tags, as sent
    country: str | None  # of the client's address, where the server had a database of places

    @property
    def submission_date(self) -> date:
        """The UTC day of arrival."""
        return self.submission_timestamp.date()


class _Dimensions(NamedTuple):
    """The dimensions that a record has in its own fields."""

    application: str | None
    channel: str | None
    version: str | None
    build_id: str | None
    os: str | None
    os_version: str | None
    architecture: str | None


def fields_of(record: Record) -> RecordFields:
    """
    Return the fields of a stored *record*.

    Raises:
        KeyError: The record has no ``metadata`` of ours.
    """
    metadata = record["metadata"]
    namespace, doctype = metadata["namespace"], metadata["doctype"]
    dimensions = _dimensions_of(record, namespace)
    named: tuple[str | None, ...] = dimensions[:NAMED_BY_PATHS]
    # Only the path of a Firefox ping names these.
    if None in named and namespace == TELEMETRY and (path := _path_of(metadata.get("uri", ""))) is not None:
        of_path = (path.app_name, path.channel, path.app_version, path.build_id)
        named = tuple(value or fallback for value, fallback in zip(named, of_path, strict=True))
    application, channel, version, build_id = named
    os_name = dimensions.os
    if os_name is not None:
        os_name = OS_NAMES.get(os_name, os_name)
    top_info = member(record, "info")
    info = member(member(record, "payload"), "info") or top_info
    client_id = client_id_of(record)
    session_id = info.get("sessionId") or member(record, "client_info").get("session_id")
    return RecordFields(
        document_id=metadata["document_id"].lower(),
        submission_timestamp=_moment(metadata["submission_timestamp"]),
        namespace=namespace,
        doctype=doctype,
        docversion=_text(metadata.get("docversion")),
        client_id=client_id,
        sample_id=None if client_id is None else sample_id_of(client_id),
        application=application,
        channel=channel,
        version=version,
        build_id=build_id,
        os=os_name,
        os_version=_os_version(os_name, dimensions.os_version),
        architecture=dimensions.architecture,
        reason=_text(top_info.get("reason")) or doctype,
        revision=_text(info.get("revision")),
        session_id=_id_text(session_id),
        subsession_id=_id_text(info.get("subsessionId")),
        profile_subsession_counter=_integer(info.get("profileSubsessionCounter")),
        experiments=_experiments_of(record),
        source_tags=_text(member(metadata, "header").get("x_source_tags")),
        country=_text(member(metadata, "geo").get("country")),
    )


def member(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the object *name* of *parent*, or an empty one if it is not an object."""
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def object_at(parent: Any, *names: str) -> Mapping[str, Any]:
    """Return the object at the path *names* below *parent*; an empty one where there is none."""
    for name in names:
        # To ask for a part that is not there takes a call where the parts of a record are still text.
        if not isinstance(parent, dict) or name not in parent:
            return {}
        parent = parent[name]
    return parent if isinstance(parent, dict) else {}


def as_object(value: Any) -> Mapping[str, Any]:
    """Return *value* if it is an object; an empty object otherwise."""
    return value if isinstance(value, dict) else {}


def session_info_of(record: Record) -> Mapping[str, Any]:
    """Return the object that names the revision and the session: ``payload.info``, else ``info``."""
    return object_at(record, "payload", "info") or object_at(record, "info")


def _path_of(uri: str) -> SubmitPath | None:
    try:
        return parse_submit_path(uri)
    except PingError:
        return None


def _dimensions_of(record: Record, namespace: str) -> _Dimensions:
    if namespace != TELEMETRY:
        return _dimensions_of_client_info(record, namespace)
    application = member(record, "application")
    info = member(record, "info")
    if not application:
        return _dimensions_of_info(info)
    system = member(member(member(record, "environment"), "system"), "os")
    return _Dimensions(
        application=_text(application.get("name")),
        channel=_text(application.get("channel")),
        version=_text(application.get("version")),
        build_id=_text(application.get("buildId")),
        # A flattened session has no environment: its info holds what that said.
        os=_text(system.get("name") or info.get("OS")),
        os_version=_text(system.get("version") or info.get("version")),
        architecture=_text(application.get("architecture")),
    )


def _dimensions_of_info(info: Mapping[str, Any]) -> _Dimensions:
    return _Dimensions(
        application=_text(info.get("appName")),
        channel=_text(info.get("appUpdateChannel")),
        version=_text(info.get("appVersion")),
        build_id=_text(info.get("appBuildID")),
        os=_text(info.get("OS")),
        os_version=_text(info.get("version")),
        architecture=_text(info.get("arch")),
    )


def _dimensions_of_client_info(record: Record, namespace: str) -> _Dimensions:
    """The dimensions of a Glean ping, or of a product that has these fields at the top level."""
    client = member(record, "client_info")
    return _Dimensions(
        _text(namespace),
        *[
            _text(client.get(in_client_info)) or _text(record.get(at_the_top))
            for in_client_info, at_the_top in _CLIENT_FIELDS
        ],
    )


def _experiments_of(record: Record) -> tuple[tuple[str, str | None], ...]:
    found = member(member(record, "environment"), "experiments") or member(
        member(record, "ping_info"), "experiments"
    )
    return tuple((slug, _text(member(found, slug).get("branch"))) for slug in found)


def _id_text(value: Any) -> str | None:
    """Return an id as text: a UUID in lower case without braces, any other as it was sent."""
    return uuid_text(value) or _text(value)


def _text(value: Any) -> str | None:
    """Return a scalar as text; None for an empty text, an object, a list and null."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def _integer(value: Any) -> int | None:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return value if is_integer and -(2**63) <= value < 2**63 else None


def _os_version(os_name: str | None, version: str | None) -> str | None:
    """Cut the version of Linux at its second dot: builds of one kernel are one version."""
    if version is None or os_name != LINUX:
        return version
    return ".".join(version.split(".")[:2])


def _moment(text: str) -> datetime:
    if text.endswith("Z"):
        return datetime.fromisoformat(text[:-1])
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
