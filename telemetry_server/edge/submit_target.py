"""Reads request targets of submissions; the same for both HTTP paths."""

import re
from urllib.parse import unquote

SUBMIT = "/submit/"
_SLASHES_BEFORE_SUBMIT = re.compile(r"/{2,}(?=submit/)")


def routed_path(path: str) -> str:
    """Return *path* as it is routed: repeated slashes before ``submit`` count as one."""
    return _SLASHES_BEFORE_SUBMIT.sub("/", path, count=1) if path.startswith("//") else path


def namespace_of_path(path: str) -> str:
    """Return the decoded namespace of *path*, which `routed_path` returned."""
    namespace = path[len(SUBMIT) :].partition("/")[0]
    return unquote(namespace) if "%" in namespace else namespace
