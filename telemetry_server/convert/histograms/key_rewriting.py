"""Rewrites keys of a keyed probe that are not on a list: such a key may hold text that a user typed."""

import re
from dataclasses import dataclass
from typing import Any

# The fields of a histogram that are its definition: two histograms of one probe agree in them.
_DEFINITION = frozenset({"range", "bucket_count", "histogram_type"})


@dataclass(frozen=True, slots=True)
class KeyRewriting:
    """Which keys stay, and what the others become."""

    keep: tuple[re.Pattern[str], ...]
    replacement: str  # replaces the text after the last `separator`, or the whole key if it has no separator
    separator: str = ":"

    def rewrite(self, keyed: Any) -> bool:
        """
        Rewrite the keys of the object *keyed*, and return whether any key changed.

        The numbers of keys that become equal are added.
        """
        if not isinstance(keyed, dict):
            return False
        wrong = [key for key in keyed if not any(pattern.fullmatch(key) for pattern in self.keep)]
        changed = False
        for key in wrong:
            before, separator, _ = key.rpartition(self.separator)
            new_key = before + separator + self.replacement
            if new_key != key:
                value = keyed.pop(key)
                keyed[new_key] = added(keyed[new_key], value) if new_key in keyed else value
                changed = True
        return changed


def added(first: Any, second: Any) -> Any:
    """The sum of two numbers, or two objects merged by the same rule; *first* for anything else."""
    if _is_number(first) and _is_number(second):
        return first + second
    if isinstance(first, dict) and isinstance(second, dict):
        merged = dict(first)
        for key, value in second.items():
            if key not in merged:
                merged[key] = value
            elif key not in _DEFINITION:
                merged[key] = added(merged[key], value)
        return merged
    return first


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
