"""The stores that the settings declare."""

from telemetry_server.probes.errors import BadStoresFile
from telemetry_server.probes.stores import NO_STORES, Stores, read_stores
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings


def stores_of(settings: Settings) -> Stores:
    """
    Return the stores that the operator declares.

    Raises:
        ConfigurationError: Their file is invalid.
    """
    if settings.stores_file is None:
        return NO_STORES
    try:
        return read_stores(settings.stores_file)
    except BadStoresFile as error:
        raise ConfigurationError(f"stores_file {error}") from None
