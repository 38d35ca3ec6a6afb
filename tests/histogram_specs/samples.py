"""Spec files and revisions for these tests."""

import json
from typing import Any

from histogram_specs.revision import Revision
from histogram_specs.spec_file import SpecFile, parse_spec_file


def text_of(**definitions: Any) -> bytes:
    """Return the bytes of a spec file with these definitions."""
    return json.dumps(definitions, indent=1).encode()


def file_of(**definitions: Any) -> SpecFile:
    return parse_spec_file(text_of(**definitions))


def a_text(number: int = 0) -> bytes:
    """Return a small spec file, different for each *number*."""
    return text_of(A_FLAG={"kind": "flag"}, AN_ENUM={"kind": "enumerated", "n_values": 4 + number})


def a_revision(number: int = 0, repository: str = "mozilla-central") -> Revision:
    return Revision(repository, f"{number + 1:040x}")
