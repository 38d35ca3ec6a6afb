"""
The registered doctypes and their JSON Schemas.

A catalogue is read once and does not change; reloading creates a new one.  A schema is compiled for the
first ping that needs it, so a process that sees three doctypes compiles three schemas.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry_server.doctypes.compiling import MAX_SCHEMA_BYTES, compile_schema
from telemetry_server.doctypes.errors import BadSchema, BadSchemaPath
from telemetry_server.doctypes.layout import DoctypeKey, key_of, schema_paths
from telemetry_server.doctypes.spelling import is_respelled
from telemetry_server.doctypes.violation import describe
from telemetry_server.pings.doctype_check import UNREGISTERED_VERSION, DoctypeCheck, DoctypeStatus
from telemetry_server.pings.json_place import key_text

if TYPE_CHECKING:
    from jsonschema_rs import Validator

SHIPPED = Path(__file__).parent / "schemas"
UNUSABLE_NOTE = "unusable_schema"
MAX_SPELLINGS = 1024
MAX_NAMED_VERSIONS = 8

_UNREGISTERED = DoctypeCheck(DoctypeStatus.UNREGISTERED)
_VALID = DoctypeCheck(DoctypeStatus.VALID)


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered schema and its file."""

    key: DoctypeKey
    file: Path
    is_shipped: bool = False

    def text(self) -> bytes:
        """
        The content of the file, at most one byte more than a schema may have.

        Raises:
            BadSchema: The file cannot be read.
        """
        try:
            with self.file.open("rb") as stream:
                return stream.read(MAX_SCHEMA_BYTES + 1)
        except OSError as error:
            raise BadSchema(f"cannot be read: {error.strerror}") from None


class Catalogue:
    """
    The schemas of an operator's folder and of the package.

    Args:
        schemas_dir: The operator's folder; its schemas take precedence.
        check_formats: Whether ``format`` in a schema refuses values.

    Raises:
        OSError: The folder cannot be read.
    """

    def __init__(self, schemas_dir: Path | None = None, *, check_formats: bool = True) -> None:
        self._check_formats = check_formats
        self._validators: dict[DoctypeKey, Validator | BadSchema] = {}
        self.misplaced: tuple[str, ...] = ()  # messages about files at a wrong path
        self._registered = {entry.key: entry for entry in self._found(SHIPPED, is_shipped=True)}
        if schemas_dir is not None:
            self._registered |= {entry.key: entry for entry in self._found(schemas_dir, is_shipped=False)}
        self._versions: dict[tuple[str, str], list[str]] = {}  # of operators' schemas, by doctype
        for entry in self._operators():
            key = entry.key
            self._versions.setdefault((key.namespace, key.doctype), []).append(key.docversion)
        self._spellings: dict[tuple[str, str], str] = {}  # requested name → registered doctype

    def _found(self, folder: Path, *, is_shipped: bool) -> Iterable[Registered]:
        folder = folder.resolve(strict=True)
        for path in schema_paths(folder):
            try:
                yield Registered(key_of(path), folder / path, is_shipped)
            except BadSchemaPath as error:
                self.misplaced += (str(error),)

    def entries(self) -> list[Registered]:
        """Every registered schema, sorted by key."""
        return [self._registered[key] for key in sorted(self._registered)]

    def entry(self, key: DoctypeKey) -> Registered | None:
        """The schema for *key*, whose doctype may have another spelling (see `spelling`)."""
        return self._registered.get(key) or self._registered.get(self._as_registered(key))

    def _as_registered(self, key: DoctypeKey) -> DoctypeKey:
        """*key* with its doctype spelled as an operator registered it, if that is unambiguous."""
        name = key.namespace, key.doctype
        if not self._versions or name in self._versions:
            return key
        known = self._spellings.get(name)
        if known is None:
            found = [d for n, d in self._versions if n == key.namespace and is_respelled(key.doctype, d)]
            known = found[0] if len(found) == 1 else key.doctype
            if len(self._spellings) >= MAX_SPELLINGS:  # clients choose these names
                self._spellings.clear()
            self._spellings[name] = known
        return key if known == key.doctype else key._replace(doctype=known)

    def registered(self, namespace: str, doctype: str) -> bool:
        """Whether any version of the doctype has a schema."""
        return any(key.namespace == namespace and key.doctype == doctype for key in self._registered)

    def namespaces(self) -> tuple[str, ...]:
        """Namespaces with schemas of the operator: allowed values of a dimension, and labels."""
        return tuple(sorted({entry.key.namespace for entry in self._operators()}))

    def doctypes(self) -> tuple[str, ...]:
        """Doctypes with schemas of the operator: allowed values of a dimension, and labels."""
        return tuple(sorted({entry.key.doctype for entry in self._operators()}))

    def _operators(self) -> Iterable[Registered]:
        return (entry for entry in self._registered.values() if not entry.is_shipped)

    def check(
        self, namespace: str, doctype: str, docversion: str, ping: Mapping[str, Any], text: bytes
    ) -> DoctypeCheck:
        """Check *ping* (see `DoctypeCatalogue`)."""
        del text
        key = DoctypeKey(namespace, doctype, docversion)
        if key not in self._registered:
            key = self._as_registered(key)
        spelling = key.doctype if key.doctype != doctype else None
        entry = self._registered.get(key)
        if entry is None:
            return self._without_schema(key, spelling)
        if entry.is_shipped:
            # The readers of the converter have just checked the same shape; a test compares the two.
            return _VALID
        validator = self.validator(key)
        if isinstance(validator, BadSchema):
            # A broken schema is the operator's problem and must not lose pings.
            detail = f"the schema of {key} cannot be used: {validator}"
            return DoctypeCheck(DoctypeStatus.UNREGISTERED, detail, {UNUSABLE_NOTE: 1}, spelling)
        violation = violation_in(validator, ping)
        if violation is not None:
            return DoctypeCheck(DoctypeStatus.VIOLATION, f"{violation} (schema {key})", doctype=spelling)
        return DoctypeCheck(DoctypeStatus.VALID, doctype=spelling) if spelling else _VALID

    def _without_schema(self, key: DoctypeKey, spelling: str | None) -> DoctypeCheck:
        """The answer for *key*, which has no schema; other versions of its doctype may have one."""
        versions = self._versions.get((key.namespace, key.doctype))
        if versions is None:
            return _UNREGISTERED
        name = f"{key.namespace}/{key.doctype}"
        detail = f"version {key_text(key.docversion)} of {name} is not registered, only {_in_order(versions)}"
        return DoctypeCheck(DoctypeStatus.UNREGISTERED, detail, {UNREGISTERED_VERSION: 1}, spelling)

    def validator(self, key: DoctypeKey) -> "Validator | BadSchema":
        """The compiled schema of *key*, or what is wrong with it; raises KeyError if it has no schema."""
        known = self._validators.get(key)
        if known is None:
            try:
                known = compile_schema(self._registered[key].text(), check_formats=self._check_formats)
            except BadSchema as error:
                known = error
            self._validators[key] = known
        return known


def _in_order(versions: list[str]) -> str:
    """*versions* in one text, 2 before 10; the rest of a long list is only counted."""
    ordered = sorted(versions, key=lambda version: (len(version), version))
    more = len(ordered) - MAX_NAMED_VERSIONS
    return ", ".join(ordered[:MAX_NAMED_VERSIONS]) + (f" and {more} more" if more > 0 else "")


def violation_in(validator: "Validator", ping: Mapping[str, Any]) -> str | None:
    """The first violation of the schema by *ping*, in one line; None if *ping* is valid."""
    import jsonschema_rs

    try:
        validator.validate(ping)
    except jsonschema_rs.ValidationError as error:
        return describe(error, ping)
    return None
