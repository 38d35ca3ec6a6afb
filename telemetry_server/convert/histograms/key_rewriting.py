"""Keys of a keyed probe that are not on a list, rewritten to one word: a key can hold what a user typed."""

import re
from dataclasses import dataclass
from typing import Any

# Of a histogram these are its definition: two of one probe have them alike.
_DEFINITION = frozenset({"range", "bucket_count", "histogram_type"})


@dataclass(frozen=True, slots=True)
class KeyRewriting:
    """Which keys stay, and what the others become."""

    keep: tuple[re.Pattern[str], ...]
    replacement: str  # of what follows the last `separator`, or of the whole key where there is none
    separator: str = ":"

    def rewrite(self, keyed: Any) -> bool:
        """
        Rewrite the keys of the object *keyed*; whether any was.

        Where two keys become one, their numbers are added.
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
    """Numbers added, objects merged by the same rule; where that makes no sense, *first*."""
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
