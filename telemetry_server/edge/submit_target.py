"""Which request targets are submissions, and to which namespace; the same for both HTTP paths."""

import re
from urllib.parse import unquote

SUBMIT = "/submit/"
_SLASHES_BEFORE_SUBMIT = re.compile(r"/{2,}(?=submit/)")


def routed_path(path: str) -> str:
    """*path* as it is routed: several slashes before ``submit`` are one."""
    return _SLASHES_BEFORE_SUBMIT.sub("/", path, count=1) if path.startswith("//") else path


def namespace_of_path(path: str) -> str:
    """The part of *path*, which is routed, after ``/submit/``; decoded, as the converter reads it."""
    namespace = path[len(SUBMIT) :].partition("/")[0]
    return unquote(namespace) if "%" in namespace else namespace
