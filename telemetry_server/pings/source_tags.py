"""X-Debug-ID and X-Source-Tags: tags that a tester adds to a client's pings."""

import re

AUTOMATION = "automation"  # pings of test machines: stored, but not shown by default
MAX_TAGS = 5
_TAG = re.compile(r"[A-Za-z0-9-]{1,20}")


def debug_id(header: str) -> str | None:
    """The tag in an X-Debug-ID header; None if it is not valid."""
    return header if _TAG.fullmatch(header) else None


def source_tags(header: str) -> tuple[str, ...] | None:
    """
    The tags in an X-Source-Tags header; None if one of them, or their number, is not valid.

    Source: the Glean book; names that begin with ``glean`` are the SDK's own.
    """
    tags = tuple(tag.strip() for tag in header.split(","))
    if len(tags) > MAX_TAGS:
        return None
    if any(not _TAG.fullmatch(tag) or tag.startswith("glean") for tag in tags):
        return None
    return tags


def is_automation(header: str | None) -> bool:
    """Whether the tags in an X-Source-Tags header mark a ping of a test machine."""
    return AUTOMATION in (source_tags(header) or ()) if header else False
