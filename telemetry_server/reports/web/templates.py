"""Pages from templates: Jinja2 with autoescape, and the few filters that pages use."""

from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from telemetry_server.charts.cells import bar, sparkline
from telemetry_server.reports.answers import HTML, Answer
from telemetry_server.reports.services import Services
from telemetry_server.reports.sessions import csrf_token
from telemetry_server.reports.statement_result import text_of_parts
from telemetry_server.reports.visitor import THEMES, Proof, Visitor
from telemetry_server.reports.web.client_counts import clients_text
from telemetry_server.reports.web.navigation import navigation_of
from telemetry_server.reports.web.static_files import address_of
from telemetry_server.reports.web.views import link_to
from telemetry_server.terminal.client_text import shown, shown_json, shown_lines

MAX_TEXT = 200
UUID_CHARACTERS = 36
SECOND_CHARACTERS = len("2026-11-27 14:33:05")
NONE = "\N{EN DASH}"
NOTHING = Markup("")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("telemetry_server.reports.web", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "clients_text": clients_text,
        "measure": measure,
        "share": share,
        "moment": moment,
        "client_text": client_text,
        "client_lines": shown_lines,
        "plain_text": plain_text,
        "size": size,
        "ping_address": ping_address,
        "sql_value": sql_value,
    }
    environment.globals |= {"static": address_of, "link_to": link_to}
    environment.globals["cell_bar"] = lambda share: Markup(bar(share))  # noqa: S704 - digits only
    environment.globals["cell_sparkline"] = lambda values: Markup(  # noqa: S704 - digits only
        sparkline([value or 0 for value in values])
    )
    return environment


def number(value: float | None) -> str:
    """Return *value* with commas; a dash for what is not shown."""
    return NONE if value is None else f"{value:,}"


def measure(value: float | None) -> str:
    """Return a computed value with at most five digits; a dash for none."""
    if value is None:
        return NONE
    return f"{value:,.0f}" if value == int(value) else f"{value:,.5g}"


def share(value: float) -> str:
    """Return a share as a percentage."""
    return f"{100 * value:.1f}%" if value in (0, 1) or value >= 0.001 else f"{100 * value:.2g}%"


def moment(text: str | None) -> str:
    """Return a timestamp of ours as ``2026-11-27 14:33:05``, in UTC."""
    return "" if not text else datetime.fromisoformat(text).isoformat(" ", "seconds")[:SECOND_CHARACTERS]


def size(count: int) -> str:
    """Return a number of bytes as people write it."""
    for unit, factor in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return f"{count:,} bytes"


def client_text(text: object) -> Markup:
    """Return a text that a client chose: isolated, without control characters, cut."""
    return NOTHING if text is None else _client_text(str(text)[: MAX_TEXT + 1])


@lru_cache(maxsize=4096)  # rows of a list repeat most of their texts
def _client_text(text: str) -> Markup:
    return Markup(f"<bdi>{escape(shown(text, MAX_TEXT))}</bdi>")  # noqa: S704 - escaped


def ping_address(document_id: str | None) -> str:
    """Return the address of the page of a ping; empty for an id that no page has."""
    try:
        return f"/pings/{UUID(document_id)}" if document_id and len(document_id) == UUID_CHARACTERS else ""
    except ValueError:
        return ""


def sql_value(value: object) -> Markup:
    """Return a value of a result that is not null: a number as it is, lists and objects as JSON."""
    if isinstance(value, str):
        return client_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return client_text(str(value))
    return client_text(shown_json(text_of_parts(value).encode()).decode())


def plain_text(text: object) -> str:
    """Return a text that a client chose for a title or an attribute: without control characters, cut."""
    return "" if text is None else shown(str(text), MAX_TEXT)


def rendered(template: str, **values: Any) -> str:
    """Return *template*, filled in with *values* alone: for a page that needs no server."""
    return _environment().get_template(template).render(**values)


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
            navigation=navigation_of(visitor, has_fuel=services.options.has_fuel),
            theme=visitor.theme,
            next_theme=THEMES[(THEMES.index(visitor.theme) + 1) % len(THEMES)],
            instance=services.options.instance_name,
        )
    )
    control = "private, no-cache" if is_cacheable else "private, no-store"
    return Answer(
        text.encode("utf-8", "replace"), HTML, status, is_cacheable=is_cacheable, cache_control=control
    )
