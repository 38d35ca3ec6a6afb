"""Pages from templates: Jinja2 with autoescape, and the few filters that pages use."""

from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from telemetry_server.reports.answers import HTML, Answer
from telemetry_server.reports.services import Services
from telemetry_server.reports.sessions import csrf_token
from telemetry_server.reports.visitor import Proof, Visitor
from telemetry_server.reports.web.static_files import address_of
from telemetry_server.terminal.client_text import shown

MAX_TEXT = 200


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("telemetry_server.reports.web", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "moment": moment, "client_text": client_text, "size": size}
    environment.globals["static"] = address_of
    return environment


def number(value: float) -> str:
    """Return *value* with commas."""
    return f"{value:,}"


def moment(text: str | None) -> str:
    """Return a timestamp of ours as ``2026-11-27 14:33:05``, in UTC."""
    return "" if not text else f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}"


def size(count: int) -> str:
    """Return a number of bytes as people write it."""
    for unit, factor in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return f"{count:,} bytes"


def client_text(text: object) -> Markup:
    """Return a text that a client chose: isolated, without control characters, cut."""
    return Markup("") if text is None else Markup("<bdi>{}</bdi>").format(shown(str(text), MAX_TEXT))


def page(
    template: str,
    services: Services,
    visitor: Visitor,
    *,
    status: int = 200,
    is_cacheable: bool = False,
    **values: Any,
) -> Answer:
    """Return *template*, filled in with *values* and what every page shows."""
    csrf = ""
    if visitor.csrf_subject:
        csrf = csrf_token(services.access(), visitor.csrf_subject)
    text = (
        _environment()
        .get_template(template)
        .render(
            **values,
            visitor=visitor,
            csrf=csrf,
            is_open=visitor.proof is Proof.OPEN,
            is_session=visitor.proof is Proof.SESSION,
            instance=services.options.instance_name,
            has_fuel=services.options.has_fuel,
        )
    )
    control = "private, no-cache" if is_cacheable else "private, no-store"
    return Answer(
        text.encode("utf-8", "replace"), HTML, status, is_cacheable=is_cacheable, cache_control=control
    )
