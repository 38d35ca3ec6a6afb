"""Provides edge workers with data of the converter: the partition schema, and definitions by revision."""

from typing import TYPE_CHECKING

import orjson

from histogram_specs.definition_files import COMPANION_PATHS
from histogram_specs.errors import BadRevisionUrl
from histogram_specs.revision import Revision
from telemetry_server.composition.schemas import schema_of
from telemetry_server.observability.loggers import get_logger
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings

if TYPE_CHECKING:
    from histogram_specs.history.resolver import Resolver

log = get_logger("edge")


class SchemaInForce:
    """The partition schema that ``/telemetry_schema`` returns."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._text = self._read()

    def text(self) -> bytes:
        """Return the JSON of the schema, as last read."""
        return self._text

    def read_again(self) -> None:
        """Read the file again; if it is not valid, log the error and keep the schema."""
        try:
            self._text = self._read()
        except ConfigurationError as error:
            log.error("the schema in force stays", error=str(error))

    def _read(self) -> bytes:
        return orjson.dumps(schema_of(self._settings).as_json(), option=orjson.OPT_INDENT_2)


class CachedDefinitions:
    """Definitions in the cache under another name of the revision, or in the prefetched history."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._resolver: Resolver | None = None

    def text_of(self, revision: str) -> bytes | None:
        """Return a file of ``<repo…>/<revision>[/<name>]``; None if it is not stored locally."""
        rest, _, name = revision.rpartition("/")
        companion = name if name in COMPANION_PATHS else None
        repository, _, changeset = (rest if companion else revision).rpartition("/")
        if self._resolver is None:
            # Here, because it imports all of conversion: workers answer sooner without.
            from telemetry_server.composition.conversion import setup_of

            self._resolver = setup_of(self._settings).resolver()
        try:
            return self._resolver.text_of(Revision(repository, changeset), companion)
        except BadRevisionUrl:
            return None
