"""The application that sent a ping: the facts that definitions depend on."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

RELEASE_CHANNELS = frozenset({"release", "esr"})
MAX_TEXT_CHARACTERS = 64
_PRODUCTS = {"Firefox": "firefox", "Fennec": "fennec", "Thunderbird": "thunderbird"}
_SYSTEMS = {
    "Windows": "windows",
    "Windows_NT": "windows",
    "WINNT": "windows",
    "Mac": "mac",
    "Darwin": "mac",
    "Linux": "linux",
    "Android": "android",
}


@dataclass(frozen=True, slots=True)
class Build:
    """The application of a ping; an empty text for each missing fact."""

    version: str
    channel: str
    product: str  # as definitions spell it
    system: str  # as definitions spell it

    @property
    def is_release(self) -> bool:
        """Whether only what is recorded by default on release is expected."""
        return self.channel.partition("-")[0] in RELEASE_CHANNELS


def build_of(*, version: Any, channel: Any, application: Any, system: Any) -> Build:
    """Return the build of a ping; a value that is not text counts as missing."""
    return _known_build(_text(version), _text(channel), _text(application), _text(system))


@lru_cache(maxsize=1024)
def _known_build(version: str, channel: str, name: str, system: str) -> Build:
    return Build(version, channel, _PRODUCTS.get(name, name.lower()), _SYSTEMS.get(system, ""))


def _text(value: Any) -> str:
    return value[:MAX_TEXT_CHARACTERS] if isinstance(value, str) else ""
