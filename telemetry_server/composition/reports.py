"""The reports as settings want them: where they listen, what they may use, and who may ask."""

import ipaddress
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING

from storage.data_root import DataRoot
from telemetry_server.access.access_file import AccessFile, BadAccessFile
from telemetry_server.composition.listeners import hold_reports_port, host_of_this_machine
from telemetry_server.fuel.database.contact_age import KEPT_CONTACT_DAYS
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings
from telemetry_server.supervision.held_port import HeldPort
from telemetry_server.terminal.output import say

if TYPE_CHECKING:
    from telemetry_server.edge.limits import EdgeLimits
    from telemetry_server.reports.queries.setup import QuerySetup
    from telemetry_server.reports.server import Site
    from telemetry_server.reports.services import ReportsOptions

MAX_CONNECTIONS = 512
MAX_IN_FLIGHT_BYTES = 32 << 20
TRY_AGAIN_SECONDS = 5.0
EXAMPLE_OF_TELEMETRY = (
    "/submit/telemetry/{id}",
    '{"ver": 1, "info": {"reason": "idle-daily", "appName": "Firefox", "appVersion": "25.0", '
    '"appUpdateChannel": "release", "appBuildID": "20131021000000"}}',
)
PUBLIC_SUPPRESS_BELOW = 10
NUMBERS_OF = {"/collected": "/api/v1/collected"}
EXAMPLE_PING = '{"greeting": "hello"}'


class _NotYet(Exception):
    """Something that the reports need is missing now.  One line."""


def check_reports_access(settings: Settings) -> None:
    """
    Check that a listener which other machines can reach has users.

    Raises:
        ConfigurationError: It has none, or the setting for a proxy could be misused.
        BadAccessFile: The file of users cannot be read.
    """
    if settings.reports_port is None:
        return
    users = AccessFile(DataRoot(settings.data_dir.resolve())).read().users
    is_local = is_loopback(settings.reports_host)
    if not is_local and not users:
        raise ConfigurationError(
            f"reports_host {settings.reports_host} is open to other machines, and there are no users:"
            " add one with telemetry-server users add NAME --role admin, or set reports_host to 127.0.0.1"
        )
    if settings.trusted_user_header and not is_local and not settings.reports_networks:
        raise ConfigurationError(
            "trusted_user_header believes everyone who connects: set reports_networks to the proxy's address,"
            " or reports_host to 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches *host*; False for one that cannot be resolved."""
    with suppress(OSError, ValueError):
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_loopback for entry in found)
    return False


def reports_url(settings: Settings, port: int) -> str:
    """Return the address of the first page, for a browser on this machine."""
    return _url(settings, settings.reports_host, port)


def _url(settings: Settings, host: str, port: int) -> str:
    shown = host_of_this_machine(host)
    scheme = "http" if settings.tls_certificate is None else "https"
    return f"{scheme}://{f'[{shown}]' if ':' in shown else shown}:{port}"


def serve_reports(
    settings: Settings,
    held: HeldPort | None,
    edge_port: int,
    *,
    lifeline_fd: int = -1,
) -> int:
    """
    Run the reports in this process until they are to end; returns the exit status.

    Args:
        held: Their port; without it the port is tried for again and again.
        edge_port: Where the edge listens, for the command that the first page shows.
    """
    from telemetry_server.reports.server import ReportsListener, run_reports

    held = _in_time(lambda: _ready_port(settings, held, edge_port), lifeline_fd)
    if held is None:
        return 0
    listener = ReportsListener(
        held.addresses,
        settings.tls_certificate and settings.tls_certificate.resolve(),
        settings.tls_key and settings.tls_key.resolve(),
    )
    port = held.port

    return run_reports(
        options_of(settings, edge_port),
        query_setup_of(settings),
        limits_of(settings),
        listener,
        site(),
        lifeline_fd=lifeline_fd,
        on_ready=lambda: say_where(settings, port),
    )


def options_of(settings: Settings, edge_port: int) -> "ReportsOptions":
    """Return what the operator decides about the reports."""
    from telemetry_server.composition.fuel_analytics import fuel_databases
    from telemetry_server.composition.fuel_failures import failure_archive
    from telemetry_server.reports.public_access import PublicAccess
    from telemetry_server.reports.services import ReportsOptions

    path, ping = _example(settings)
    return ReportsOptions(
        is_loopback=is_loopback(settings.reports_host),
        edge_url=_url(settings, settings.host, edge_port),
        version=version("telemetry-server"),
        instance_name=settings.instance_name,
        has_fuel=fuel_databases(settings) is not None,
        trusted_user_header=settings.trusted_user_header,
        networks=settings.reports_networks,
        aggregates_hidden=settings.aggregates_hidden,
        public=PublicAccess(_opened(settings.public_pages), frozenset(settings.reports_cors_origins)),
        example_path=path,
        example_ping=ping,
        failures=failure_archive(settings),
    )


def _opened(pages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the addresses that *pages* open: the numbers of a page with it."""
    return (*pages, *(numbers for page, numbers in NUMBERS_OF.items() if page in pages))


def query_setup_of(settings: Settings) -> "QuerySetup":
    """Return what query processes get."""
    # Here, because it imports all of conversion, which only this process needs.
    from telemetry_server.composition.conversion import setup_of
    from telemetry_server.composition.fuel_analytics import fuel_databases
    from telemetry_server.reports.queries.setup import KeptFor, QuerySetup

    databases = fuel_databases(settings)
    kept = KeptFor(
        settings.record_retention_days,
        settings.quarantine_retention_days,
        settings.raw_retention_days,
        settings.dedup_days,
        None if databases is None else KEPT_CONTACT_DAYS,
        settings.client_address.value,
        settings.deletion_delay_days,
    )
    return QuerySetup(
        setup_of(settings),
        version("telemetry-server"),
        settings.reports_query_timeout_seconds,
        settings.reports_query_memory_bytes,
        settings.suppress_below,
        public_suppress_below(settings),
        settings.aggregates_hidden,
        databases,
        kept,
    )


def public_suppress_below(settings: Settings) -> int:
    """Return how many clients a group on public pages has at least: as set, and 10 by default."""
    is_default = settings.origin_of("suppress_below") == "default"
    return PUBLIC_SUPPRESS_BELOW if is_default else settings.suppress_below


def limits_of(settings: Settings) -> "EdgeLimits":
    """Return the limits of the listener."""
    from telemetry_server.edge.limits import EdgeLimits
    from telemetry_server.reports.server import MAX_LINE_BYTES, MAX_TARGET_BYTES

    return EdgeLimits(
        max_target_bytes=MAX_TARGET_BYTES,
        max_line_bytes=MAX_LINE_BYTES,
        max_connections=MAX_CONNECTIONS,
        max_in_flight_bytes=MAX_IN_FLIGHT_BYTES,
        header_timeout_seconds=settings.header_timeout_seconds,
        body_timeout_seconds=settings.body_timeout_seconds,
        keepalive_timeout_seconds=settings.keepalive_timeout_seconds,
        answer_timeout_seconds=settings.answer_timeout_seconds,
        drain_timeout_seconds=settings.drain_timeout_seconds,
    )


def site() -> "Site":
    """Return all routes, and the page of errors."""
    from telemetry_server.reports.api_routes import API_ROUTES
    from telemetry_server.reports.fuel_failures import FUEL_FAILURE_ROUTES
    from telemetry_server.reports.fuel_routes import FUEL_ROUTES
    from telemetry_server.reports.old_api_routes import OLD_API_ROUTES
    from telemetry_server.reports.server import Site
    from telemetry_server.reports.service_routes import SERVICE_ROUTES
    from telemetry_server.reports.web.error_pages import error_page
    from telemetry_server.reports.web.fuel_failures import FUEL_FAILURE_PAGES
    from telemetry_server.reports.web.fuel_routes import FUEL_PAGE_ROUTES
    from telemetry_server.reports.web.page_routes import PAGE_ROUTES
    from telemetry_server.reports.web.workspace_routes import WORKSPACE_ROUTES

    fuel = (*FUEL_FAILURE_ROUTES, *FUEL_FAILURE_PAGES, *FUEL_ROUTES, *FUEL_PAGE_ROUTES)
    pages = (*PAGE_ROUTES, *WORKSPACE_ROUTES)
    return Site((*API_ROUTES, *fuel, *OLD_API_ROUTES, *pages, *SERVICE_ROUTES), error_page)


def say_where(settings: Settings, port: int) -> None:
    """Print the address of the reports, and who may see them."""
    say(f"  reports:             {reports_url(settings, port)}/")
    if AccessFile(DataRoot(settings.data_dir.resolve())).read().users:
        return
    if settings.trusted_user_header:
        say("                       closed to everyone: add users (telemetry-server users add)")
    else:
        say("                       open to everyone on this machine (add users: telemetry-server users add)")


def _example(settings: Settings) -> tuple[str, str]:
    """Return path and body of a ping that this server takes."""
    namespaces = settings.namespaces
    if not namespaces:
        return "/submit/example/hello/1/{id}", EXAMPLE_PING
    others = [name for name in namespaces if name != "telemetry"]
    if not others:
        return EXAMPLE_OF_TELEMETRY
    return f"/submit/{others[0]}/hello/1/{{id}}", EXAMPLE_PING


def _ready_port(settings: Settings, held: HeldPort | None, edge_port: int) -> HeldPort:
    """Return the port once all is there; raises `_NotYet` before."""
    try:
        check_reports_access(settings)
    except (BadAccessFile, ConfigurationError) as error:
        raise _NotYet(f"{error}.  Receiving pings is not affected") from None
    held = held or hold_reports_port(settings)
    if held is None:
        where = f"{settings.reports_host}:{settings.reports_port} is in use"
        if settings.reports_port == edge_port:
            where += ", as port of this server itself"
        raise _NotYet(f"{where} (reports_port sets another, off none)")
    return held


def _in_time(attempt: Callable[[], HeldPort], lifeline_fd: int) -> HeldPort | None:
    """Return what *attempt* returns, tried again until it does; None where the parent ends first."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    said = ""
    while True:
        try:
            return attempt()
        except _NotYet as missing:
            if str(missing) != said:
                said = str(missing)
                say(f"reports: {said}; tried again every {TRY_AGAIN_SECONDS:g} s")
        if lifeline_fd < 0:
            time.sleep(TRY_AGAIN_SECONDS)
        elif select.select([lifeline_fd], [], [], TRY_AGAIN_SECONDS)[0] and not os.read(lifeline_fd, 1):
            return None
