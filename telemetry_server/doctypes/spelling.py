"""
Matches two spellings of a doctype: a ping has ``untrustedModules``, its schema ``untrusted-modules``.

Such names are the same words, separated by capitals in one and by ``-`` or ``_`` in the other.  Names that
differ only in case are two doctypes, as everywhere.
"""

import re

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR = re.compile(r"[-_]")


def words_of(doctype: str) -> tuple[str, ...]:
    """The words of *doctype*, in lower case: ``untrustedModules`` and ``untrusted-modules`` have the same."""
    return tuple(_SEPARATOR.sub("-", _WORD_START.sub("-", doctype)).lower().split("-"))


def is_respelled(doctype: str, registered: str) -> bool:
    """Whether both are the same words with different separators."""
    return words_of(doctype) == words_of(registered) and doctype.lower() != registered.lower()
