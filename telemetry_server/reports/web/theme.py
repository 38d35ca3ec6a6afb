"""The choice of a theme: kept in a cookie, and written into each page, so that no other flashes up."""

from typing import Literal
from urllib.parse import urlsplit

from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.parameters import Parameters
from telemetry_server.reports.request_checks import THEME_COOKIE
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.sign_in import local_path

ONE_YEAR_SECONDS = 365 * 86_400


class ThemeParameters(Parameters):
    """Of the choice."""

    theme: Literal["auto", "light", "dark"] = "auto"


async def choose(ask: Ask) -> Answer:
    """Answer ``GET /theme``: keep the choice, and go back to the page that it was made on."""
    secure = "; Secure" if ask.is_secure else ""
    cookie = (
        f"{THEME_COOKIE}={ask.parameters.theme}; Path=/; Max-Age={ONE_YEAR_SECONDS};"
        f" HttpOnly; SameSite=Strict{secure}"
    )
    return see_other(_page_before(ask), [cookie])


def _page_before(ask: Ask) -> str:
    parts = urlsplit(ask.headers.get("Referer", ""))
    if parts.netloc.lower() != ask.headers.get("Host", "").lower():
        return "/"
    return local_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)
