"""The theme that a browser chose, in a cookie: the server writes it into each page."""

from urllib.parse import urlsplit

from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.forms import form_fields
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.route import Ask
from telemetry_server.reports.visitor import THEME_COOKIE, THEMES
from telemetry_server.reports.web.sign_in import local_path

ONE_YEAR_SECONDS = 365 * 86400


async def set_theme(ask: Ask) -> Answer:
    """Answer ``POST /theme``: the page that the form was on, with the chosen theme."""
    theme = form_fields(ask.body).get("theme", "")
    if theme not in THEMES:
        raise Problem("bad-request", f"theme: one of {', '.join(THEMES)}.")
    page = urlsplit(ask.headers.get("Referer", "/"))
    kept = f"Path=/; Max-Age={ONE_YEAR_SECONDS}; HttpOnly; SameSite=Lax"
    return see_other(
        local_path(page.path + (f"?{page.query}" if page.query else "")), [f"{THEME_COOKIE}={theme}; {kept}"]
    )
