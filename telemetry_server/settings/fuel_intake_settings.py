"""Settings of the Fuel collector's failure reports and of its limits; a part of the table of settings."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from telemetry_server.settings.value_types import FilePath, Whole


def sink_list(value: object) -> tuple[str, ...]:
    """Parse URLs of sinks: a list, or a text with commas."""
    texts = value.split(",") if isinstance(value, str) else value
    if isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts):
        return tuple(text.strip() for text in texts if text.strip())
    # No part of the value in the message: it may hold a password.
    raise ValueError("must be a list of sinks like smtp://HOST/?to=ADDRESS, https://HOST/PATH or file:PATH")


class FuelIntakeSettings(BaseModel):
    """Failure reports, and limits of requests."""

    # Only the whole table of settings is ever made.
    model_config = ConfigDict(defer_build=True)

    fuel_contact_key_file: FilePath | None = Field(
        None,
        description="File with the key that encrypts contacts of Fuel failure reports, outside of the data "
        "root; default: beside it, named like it with `.fuel-contact-key`.  Created if it is missing.",
    )
    fuel_notify: Annotated[tuple[str, ...], BeforeValidator(sink_list)] = Field(
        (),
        description="Where messages about Fuel failures go: `smtp://HOST:PORT/?to=ADDRESS`, `https://…` or "
        "`file:PATH`.  Empty: nowhere.",
    )
    fuel_uid_requests_per_hour: Annotated[Whole, Field(ge=0)] = Field(
        10_000, description="Fuel requests of one installation in an hour; more get 429.  0: no limit."
    )
    fuel_address_requests_per_hour: Annotated[Whole, Field(ge=0)] = Field(
        100_000,
        description="Fuel requests from one network (a /24 or /48) in an hour; more get 429.  0: no limit.",
    )
    fuel_address_new_uids_per_day: Annotated[Whole, Field(ge=0)] = Field(
        1000,
        description="Installations from one network in a day that were never seen before; more get 429.  "
        "0: no limit.",
    )
