"""
One doctype, two spellings: a ping says ``untrustedModules``, its schema's folder ``untrusted-modules``.

Such names are the same words, once parted by capitals, once by ``-`` or ``_``.  Names that differ
in capitals alone are two doctypes, as everywhere.
"""

import re

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PARTED = re.compile(r"[-_]")


def words_of(doctype: str) -> tuple[str, ...]:
    """The words of *doctype*, in lower case: ``untrustedModules`` and ``untrusted-modules`` have the same."""
    return tuple(_PARTED.sub("-", _WORD_START.sub("-", doctype)).lower().split("-"))


def is_respelled(doctype: str, registered: str) -> bool:
    """Whether both are the same words, parted in two ways."""
    return words_of(doctype) == words_of(registered) and doctype.lower() != registered.lower()
