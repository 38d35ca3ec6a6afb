"""``serve``: runs edge workers on one port, a converter, and a supervisor of them all."""

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from shlex import quote
from shutil import which
from typing import TYPE_CHECKING

from telemetry_server.cli.module_imports import importing
from telemetry_server.cli.shared_options import add_settings_options, add_tls_options, settings_of
from telemetry_server.composition.listeners import host_of_this_machine
from telemetry_server.settings.settings import Settings
from telemetry_server.settings.value_types import ClientAddress, LogFormat
from telemetry_server.terminal.output import say

if TYPE_CHECKING:
    from storage.raw.writer import RawWriter
    from telemetry_server.composition.listeners import HeldPorts
    from telemetry_server.edge.edge import EdgeOptions
    from telemetry_server.edge.edge_worker import Listeners, WorkerPlace
    from telemetry_server.queue.handing_writer import HandingWriter
    from telemetry_server.supervision.supervisor import Child

EPILOG = """\
example: telemetry-server serve --data ./data --port 8080

SIGTERM or Ctrl-C: finish open requests (at most drain_timeout_seconds), then stop with status 0; a second
one stops at once.  SIGHUP: read certificate, partition schema, doctypes and rules again.

exit status: 78 if the port is in use or a setting is not valid"""

EXAMPLE_ID = "c0ffee00-1234-4abc-8def-0123456789ab"
EXAMPLE_PING = (
    '{"ver": 1, "info": {"reason": "idle-daily", "appName": "Firefox", "appVersion": "25.0", '
    '"appUpdateChannel": "release", "appBuildID": "20131021000000"}}'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``serve``."""
    add_settings_options(parser)
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on; 0 takes a free one (default: 8080)")
    processes = "processes that receive submissions (default: one per core)"
    parser.add_argument("--workers", metavar="N", help=processes)
    add_tls_options(parser)
    parser.add_argument("--no-reports", action="store_true", help="do not start the reports")
    parser.add_argument(
        "--no-convert", action="store_true", help="only store submissions; convert them later"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until a signal stops it."""
    from telemetry_server.access.access_file import BadAccessFile
    from telemetry_server.composition.data_root import prepare_data_root
    from telemetry_server.composition.elsewhere import check_elsewhere
    from telemetry_server.composition.fuel import check_fuel
    from telemetry_server.composition.listeners import hold_ports
    from telemetry_server.composition.reports import check_reports_access
    from telemetry_server.observability import logs, metrics

    settings = settings_of(args)
    check_elsewhere(settings)
    if args.no_reports:
        settings = replace(settings, reports_port=None)
    with closing(hold_ports(settings)) as ports:
        prepare_data_root(settings)
        with suppress(BadAccessFile):  # the reports say so, and wait; receiving must not
            check_reports_access(settings)
        check_fuel(settings)
        logs.forgive_streams()
        logs.configure(human=_wants_text_logs(settings))
        metrics_directory = metrics.directory_for(settings.data_dir, ports.public.port)
        metrics.prepare_directory(metrics_directory)
        try:
            # What is handed on is converted elsewhere.
            return _serve(settings, ports, converts=not args.no_convert and not settings.push_to)
        finally:
            metrics.remove_directory(metrics_directory)


def _wants_text_logs(settings: Settings) -> bool | None:
    """Return whether log lines are text instead of JSON; None if that depends on the output."""
    return None if settings.log_format is LogFormat.AUTO else settings.log_format is LogFormat.TEXT


def _serve(settings: Settings, ports: "HeldPorts", *, converts: bool) -> int:
    from telemetry_server.composition.listeners import listeners_of
    from telemetry_server.edge.aiohttp_import import import_aiohttp
    from telemetry_server.observability.events import ServerStarted, ServerStopped
    from telemetry_server.supervision.supervisor import Supervisor

    with importing():
        import_aiohttp()  # before other modules do
    wake_read, wake_write = os.pipe()
    options = _edge_options(settings, ports, converts=converts)
    listeners = listeners_of(settings, ports)
    children = [
        _edge_child(options, _place(settings, number, wake_write if converts else -1), listeners)
        for number in range(1, settings.workers + 1)
    ]
    if converts:
        children.append(_converter_child(settings, wake_read))
    if settings.pull_from or settings.push_to:
        from telemetry_server.composition.queue_children import queue_children

        children += queue_children(settings, wake_write)
    if settings.fuel:
        from telemetry_server.composition.fuel_children import fuel_children

        children += fuel_children(settings)
    if settings.reports_port is not None:
        children.append(_reports_child(settings, ports))

    def print_hints() -> None:
        ServerStarted(settings.host, ports.public.port, settings.workers, str(settings.data_dir)).emit()
        _say_next_steps(settings, ports)

    drain_timeout_seconds = settings.drain_timeout_seconds
    status = Supervisor(
        children, print_hints, options.on_hangup, drain_timeout_seconds=drain_timeout_seconds
    ).run()
    ServerStopped(status == 0).emit()
    return status


def _edge_options(settings: Settings, ports: "HeldPorts", *, converts: bool) -> "EdgeOptions":
    from storage.data_root import DataRoot
    from storage.progress.waiting import ConversionWatch
    from telemetry_server.composition.providers import CachedDefinitions, SchemaInForce
    from telemetry_server.composition.reports import reports_url
    from telemetry_server.composition.schemas import catalogue_of
    from telemetry_server.edge.edge import EdgeOptions
    from telemetry_server.edge.limits import EdgeLimits

    schema = SchemaInForce(settings)
    files_in_force = [schema.read_again]
    open_api = None
    if settings.fuel:
        from telemetry_server.composition.fuel import BuildRulesInForce, opener_of

        rules = BuildRulesInForce(settings)
        files_in_force.append(rules.read_again)
        open_api = opener_of(settings, rules)

    def read_again() -> None:
        for read in files_in_force:
            read()

    limits = EdgeLimits(
        max_body_bytes=settings.max_body_bytes,
        oversize_status=settings.oversize_status,
        max_connections=settings.max_connections,
        max_in_flight_bytes=settings.max_in_flight_bytes,
        header_timeout_seconds=settings.header_timeout_seconds,
        body_timeout_seconds=settings.body_timeout_seconds,
        keepalive_timeout_seconds=settings.keepalive_timeout_seconds,
        answer_timeout_seconds=settings.answer_timeout_seconds,
        drain_timeout_seconds=settings.drain_timeout_seconds,
    )
    return EdgeOptions(
        limits=limits,
        fast_lane=settings.fast_lane,
        namespaces=frozenset(settings.namespaces),
        cors_origins=frozenset(settings.submit_cors_origins),
        trusted_hops=settings.trusted_hops,
        keeps_client_address=settings.client_address is ClientAddress.TRUNCATED,
        version=_version(),
        labelled_namespaces=frozenset({"telemetry"}) | frozenset(catalogue_of(settings).namespaces()),
        partition_schema=schema.text,
        revision_cache_dir=settings.revision_cache_dir,
        other_definitions=CachedDefinitions(settings).text_of,
        conversion=ConversionWatch(DataRoot(settings.data_dir.resolve()), converts=converts),
        has_admin_port=settings.admin_port is not None,
        reports_url="" if ports.reports is None else reports_url(settings, ports.reports.port),
        on_hangup=read_again,
        open_api=open_api,
        around_writer=_around_writer(settings),
    )


def _around_writer(settings: Settings) -> "Callable[[RawWriter], HandingWriter] | None":
    """Return what makes a worker hand its submissions on; None if it keeps them."""
    if not settings.push_to:
        return None
    from telemetry_server.composition.queue import handing_writer_of

    return handing_writer_of(settings)


def _version() -> bytes:
    """Return the version object of Dockerflow; ``version.json`` in the current folder may name the commit."""
    from importlib.metadata import version

    import orjson

    facts = {"source": "", "version": version("telemetry-server"), "commit": "", "build": ""}
    file = Path("version.json")
    if file.is_file():
        try:
            found = orjson.loads(file.read_bytes())
        except (OSError, ValueError):
            found = {}
        if isinstance(found, dict):
            facts |= {name: str(found[name]) for name in facts if name in found}
    return orjson.dumps(facts)


def _place(settings: Settings, number: int, wake_fd: int) -> "WorkerPlace":
    from storage.raw.free_space import RESERVE_BYTES
    from telemetry_server.edge.edge_worker import WorkerPlace

    return WorkerPlace(
        raw_dir=settings.data_dir / "raw",
        number=number,
        min_free_bytes=settings.min_free_bytes,
        reserve_bytes=RESERVE_BYTES // settings.workers,
        commit_timeout_seconds=settings.commit_timeout_seconds,
        wake_fd=wake_fd,
    )


def _edge_child(options: "EdgeOptions", place: "WorkerPlace", listeners: "Listeners") -> "Child":
    from telemetry_server.edge.edge_worker import run_worker
    from telemetry_server.supervision.supervisor import Child

    def run_edge(lifeline_fd: int, announce: Callable[[], None]) -> int:
        return run_worker(options, replace(place, lifeline_fd=lifeline_fd), listeners, announce)

    return Child("edge", run_edge, announces=True)


def _converter_child(settings: Settings, wake_fd: int) -> "Child":
    from storage.data_root import DataRoot
    from storage.progress.conversion_state import ConversionState
    from telemetry_server.supervision.supervisor import Child

    state = ConversionState(DataRoot(settings.data_dir.resolve()))
    state.clear()

    def run_converter(lifeline_fd: int, _announce: Callable[[], None]) -> int:
        from telemetry_server.composition.conversion import run_follower

        return run_follower(settings, wake_fd=wake_fd, lifeline_fd=lifeline_fd)

    def died(status: str, pause_seconds: float) -> None:
        state.halt(f"the conversion process ended ({status}); it restarts in {pause_seconds:g} s")

    return Child("converter", run_converter, is_vital=False, on_death=died)


def _reports_child(settings: Settings, ports: "HeldPorts") -> "Child":
    from telemetry_server.supervision.supervisor import Child

    def run_reports(lifeline_fd: int, _announce: Callable[[], None]) -> int:
        from telemetry_server.composition.reports import serve_reports

        return serve_reports(settings, ports.reports, ports.public.port, lifeline_fd=lifeline_fd)

    return Child("reports", run_reports, is_vital=False)


def _say_next_steps(settings: Settings, ports: "HeldPorts") -> None:
    """Print the address, and commands that send a ping and show what happened to it."""
    scheme = "http" if settings.tls_certificate is None else "https"
    server = f"{scheme}://{_host_in_url(settings.host)}:{ports.public.port}"
    data, command = quote(str(settings.data_dir)), "telemetry-server"
    if which(command) is None:
        is_module = sys.argv[0].endswith("__main__.py")
        command = f"{quote(sys.executable)} -m telemetry_server" if is_module else quote(sys.argv[0])
    say(f"Listening on {server}/, data root: {settings.data_dir}")
    if ports.admin is not None:
        say(f"  metrics:             http://{_host_in_url(settings.admin_host)}:{ports.admin.port}/metrics")
    say(f"  send a ping:         {_example_curl(settings, server)}")
    say(f"  what happened to it: {command} explain {EXAMPLE_ID} --data {data}")
    say(f"  see all records:     {command} cat converted --data {data}")


def _example_curl(settings: Settings, server: str) -> str:
    """Return a command that sends a ping which the server accepts and stores."""
    namespace = "telemetry" if not settings.namespaces else settings.namespaces[0]
    if "telemetry" in settings.namespaces or namespace == "telemetry":
        path, ping = f"telemetry/{EXAMPLE_ID}", EXAMPLE_PING
    else:
        path, ping = f"{namespace}/example/1/{EXAMPLE_ID}", '{"app_version": "1.0"}'
    # The certificate is for the name that clients use, not for the address of this machine.
    trust = "" if settings.tls_certificate is None else "--insecure "
    return f"curl -i {trust}--data '{ping}' '{server}/submit/{path}'"


def _host_in_url(host: str) -> str:
    """Return *host* as a client on this machine writes it in a URL."""
    shown = host_of_this_machine(host)
    return f"[{shown}]" if ":" in shown else shown
