"""Builds the transparency page that needs no server."""

from telemetry_server.composition.data_root import existing_data_root
from telemetry_server.composition.reports import query_setup_of
from telemetry_server.settings.settings import Settings

EVERYTHING = 2**31


def collected_files(settings: Settings) -> dict[str, bytes]:
    """
    Return the files of the page by name, as everyone may see them.

    Raises:
        NoDataRoot: The data root does not exist.
        BrokenAggregate, OSError: The aggregates cannot be read.
    """
    from telemetry_server.reports.queries.collected import collected_answer
    from telemetry_server.reports.queries.source import Source
    from telemetry_server.reports.web.collected import static_files_of

    existing_data_root(settings)
    asked = {
        "application": "",
        "q": "",
        "offset": 0,
        "limit": EVERYTHING,
        "hidden": list(settings.aggregates_hidden),
        "is_public": True,
    }
    found = collected_answer(Source(query_setup_of(settings)), asked)
    return static_files_of(found, settings.instance_name)
