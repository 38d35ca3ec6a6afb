"""What the user of an installation chose: whether statistics are sent, and whether a contact is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


class BadChoices(ValueError):
    """A value has the wrong type or an unknown name; the text says which."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Who may be asked about this installation."""

    name: str = ""
    email: str = ""
    company: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """
    The choices.  Nothing is sent before both flags are true.

    The first is ticked from the start, but it has no effect until the user has saved a choice.
    """

    send_anonymous_statistic: bool = True
    user_choice_saved: bool = False
    contact_info_provided: bool = False  # whether reports carry the contact
    contact: Contact = Contact()

    @property
    def opted_in(self) -> bool:
        """Whether anything may be sent."""
        return self.send_anonymous_statistic and self.user_choice_saved

    def as_json(self) -> dict[str, Any]:
        """Return the form of the state file and of the settings API."""
        return {
            "send_anonymous_statistic": self.send_anonymous_statistic,
            "user_choice_saved": self.user_choice_saved,
            "contact_info_provided": self.contact_info_provided,
            "contact": {
                "name": self.contact.name,
                "email": self.contact.email,
                "company": self.contact.company,
            },
        }

    def user_information(self) -> dict[str, Any]:
        """Return what a structure says about the user; the contact only where that was chosen."""
        if not (self.opted_in and self.contact_info_provided):
            return {"contact_info_provided": False}
        contact = {name: value for name, value in self.as_json()["contact"].items() if value}
        return {"contact_info_provided": True, **contact}

    def failure_contact(self) -> dict[str, str | None] | None:
        """Return the contact of failure reports; None where it is not chosen or not whole."""
        contact = self.contact
        *first, last = contact.name.split() or [""]
        if not (self.opted_in and self.contact_info_provided and last and contact.company.strip()):
            return None
        if not EMAIL.fullmatch(contact.email.strip()):
            return None
        return {
            "last_name": last,
            "first_name": " ".join(first) or last,  # a person with one name
            "email": contact.email.strip(),
            "company": contact.company.strip(),
            "phone": None,
            "job_title": None,
            "country": None,
        }


EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
FLAGS = ("send_anonymous_statistic", "user_choice_saved", "contact_info_provided")
NAMES = ("name", "email", "company")
MAX_CHARACTERS = 200


def changed_choices(before: Choices, values: object) -> Choices:
    """
    Return *before* with *values* in place of its own.

    Raises:
        BadChoices: A name is unknown, or a value has the wrong type.
    """
    if not isinstance(values, Mapping):
        raise BadChoices("must be an object")
    changed = before
    flags: dict[str, Any] = {}
    for name, value in values.items():
        if name in FLAGS:
            if not isinstance(value, bool):
                raise BadChoices(f"{name} must be true or false")
            flags[name] = value
        elif name == "contact":
            changed = replace(changed, contact=_changed_contact(changed.contact, value))
        elif name != "master_node_uid":  # never changes, so a client may send it back as it got it
            raise BadChoices(f"{name} is not a setting")
    return replace(changed, **flags)


def _changed_contact(before: Contact, values: object) -> Contact:
    if not isinstance(values, Mapping) or not set(values) <= set(NAMES):
        raise BadChoices(f"contact must be an object of {', '.join(NAMES)}")
    for name, value in values.items():
        if not isinstance(value, str) or len(value) > MAX_CHARACTERS:
            raise BadChoices(f"contact.{name} must be a text of at most {MAX_CHARACTERS} characters")
    return replace(before, **values)
