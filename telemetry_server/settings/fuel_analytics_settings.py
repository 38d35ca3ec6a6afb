"""Settings of the Fuel reports; a part of the table of settings."""

from dataclasses import dataclass

from telemetry_server.settings.fields import setting
from telemetry_server.settings.fuel_intake_settings import FuelIntakeSettings


def word_list(value: object) -> tuple[str, ...]:
    """Parse words: a list, or a text with commas."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"must be a list of words, not {value!r}")
    return tuple(word.strip() for word in words if word.strip())


@dataclass(frozen=True, init=False, repr=False, eq=False)
class FuelAnalyticsSettings(FuelIntakeSettings):
    """How the facts of nodes are made."""

    fuel_virtual_makers: tuple[str, ...] = setting(
        (),
        "Names of makers or products that make a Fuel server a virtual one, in any case; "
        "default: VirtualBox, QEMU, VMware and others.",
        word_list,
    )
    fuel_storage_roles: tuple[str, ...] = setting(
        (), "Roles of Fuel nodes that store; default: `cinder` and `ceph-osd`.", word_list
    )
