"""Settings of the Fuel collector's failure reports and of its limits; a part of the table of settings."""

from dataclasses import dataclass
from pathlib import Path

from telemetry_server.settings.fields import setting
from telemetry_server.settings.limits import within
from telemetry_server.settings.value_types import file_path, whole_number


def sink_list(value: object) -> tuple[str, ...]:
    """Parse URLs of sinks: a list, or a text with commas."""
    texts = value.split(",") if isinstance(value, str) else value
    if isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts):
        return tuple(text.strip() for text in texts if text.strip())
    # No part of the value in the message: it may hold a password.
    raise ValueError("must be a list of sinks like smtp://HOST/?to=ADDRESS, https://HOST/PATH or file:PATH")


@dataclass(frozen=True, init=False, repr=False, eq=False)
class FuelIntakeSettings:
    """Failure reports, and limits of requests."""

    fuel_contact_key_file: Path | None = setting(
        None,
        "File with the key that encrypts contacts of Fuel failure reports, outside of the data "
        "root; default: beside it, named like it with `.fuel-contact-key`.  Created if it is missing.",
        file_path,
    )
    fuel_notify: tuple[str, ...] = setting(
        (),
        "Where messages about Fuel failures go: `smtp://HOST:PORT/?to=ADDRESS`, `https://…` or "
        "`file:PATH`.  Empty: nowhere.",
        sink_list,
    )
    fuel_uid_requests_per_hour: int = setting(
        10_000,
        "Fuel requests of one installation in an hour; more get 429.  0: no limit.",
        within(whole_number, 0),
    )
    fuel_address_requests_per_hour: int = setting(
        100_000,
        "Fuel requests from one network (a /24 or /48) in an hour; more get 429.  0: no limit.",
        within(whole_number, 0),
    )
    fuel_address_new_uids_per_day: int = setting(
        1000,
        "Installations from one network in a day that were never seen before; more get 429.  0: no limit.",
        within(whole_number, 0),
    )
