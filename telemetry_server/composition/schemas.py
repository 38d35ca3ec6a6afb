"""The partition schema and the registered doctypes as settings want them; imports nothing of conversion."""

from storage.errors import BadPartitionSchema
from storage.partitions.schema import PartitionSchema, parse_schema
from telemetry_server.doctypes.catalogue import Catalogue
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings
from telemetry_server.settings.value_types import SchemaFormats


def schema_of(settings: Settings) -> PartitionSchema:
    """
    Return the partition schema in force.

    Raises:
        ConfigurationError: Its file cannot be read, or is not a valid schema.
    """
    if settings.partition_schema is None:
        catalogue = catalogue_of(settings)
        return PartitionSchema.default(catalogue.doctypes(), catalogue.namespaces())
    try:
        return parse_schema(settings.partition_schema.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"partition_schema {settings.partition_schema}: {error.strerror}") from error
    except BadPartitionSchema as error:
        raise ConfigurationError(f"partition_schema {settings.partition_schema}: {error}") from error


def catalogue_of(settings: Settings) -> Catalogue:
    """
    Return the registered doctypes.

    Raises:
        ConfigurationError: Their folder cannot be read.
    """
    try:
        return Catalogue(settings.schemas_dir, check_formats=checks_formats(settings))
    except OSError as error:
        raise ConfigurationError(f"schemas_dir {settings.schemas_dir}: {error.strerror}") from None


def checks_formats(settings: Settings) -> bool:
    """Return whether formats in JSON Schemas are checked."""
    return settings.schema_formats is SchemaFormats.CHECKED
