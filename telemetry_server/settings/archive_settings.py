"""Settings of the archive of closed days; a part of the table of settings."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from telemetry_server.settings.fields import setting
from telemetry_server.settings.value_types import true_or_false

BUCKET = r"(?:s3|s3a|gs|az|azure|abfs|abfss)://[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9._=/-]*)?"


def archive_place(value: object) -> str:
    """Parse a folder or the URL of a bucket; empty means none.  Returns an absolute path or a URL."""
    text = value.strip() if isinstance(value, str) else ""
    if value == "" or (text.startswith("/") and "\0" not in text):
        return text.rstrip("/") or text
    if text.startswith("file:///"):
        return text.rstrip("/")
    if "://" not in text and text and "\0" not in text:
        return str(Path(text).expanduser().absolute())
    if "@" in urlsplit(text).netloc:
        # No part of the value in the message: it may hold a password.
        raise ValueError("must not hold credentials: they come from the environment, as AWS_ACCESS_KEY_ID")
    is_plain = all(part not in ("", ".", "..") for part in text.partition("://")[2].rstrip("/").split("/"))
    if re.fullmatch(BUCKET, text) and is_plain:
        return text.rstrip("/")
    raise ValueError(f"must be a folder, or a bucket like s3://bucket/telemetry, not {value!r}")


@dataclass(frozen=True, init=False, repr=False, eq=False)
class ArchiveSettings:
    """Where closed days are copied to, and whether they stay here."""

    archive_to: str = setting(
        "",
        "Where closed days are copied to: a folder, or a bucket such as `s3://bucket/telemetry` "
        "(needs the extra `archive`).  Empty: nowhere.",
        archive_place,
    )
    archive_keep_local: bool = setting(
        True,
        "Keep local copies of archived days; `false` removes them, and the days are read there.",
        true_or_false,
    )
