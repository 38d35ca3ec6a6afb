"""``telemetry-server reports``: the reports alone, also on a read-only copy of a data root."""

import argparse

from telemetry_server.cli.shared_options import add_settings_options, add_tls_options, settings_of

EPILOG = """\
examples:
  telemetry-server reports --data ./data
  telemetry-server reports --data /mnt/copy --port 9081

It only reads.  `serve` starts it too, unless --no-reports is given.
Without users, it accepts connections only from this machine, and everyone there may read (docs/access.md).

exit status: 78 if a setting is not valid, or if other machines can connect and no users exist"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``reports``."""
    add_settings_options(parser)
    parser.add_argument(
        "--host", dest="reports_host", metavar="HOST", help="address to listen on (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--port",
        dest="reports_port",
        metavar="PORT",
        help="port to listen on; 0 takes a free one (default: 8081)",
    )
    add_tls_options(parser)


def run(args: argparse.Namespace) -> int:
    """Answer until told to stop."""
    from telemetry_server.composition.data_root import existing_data_root
    from telemetry_server.composition.listeners import check_certificate, hold_reports_port
    from telemetry_server.composition.reports import (
        check_reports_access,
        serve_reports,
    )
    from telemetry_server.observability import logs
    from telemetry_server.settings.errors import ConfigurationError
    from telemetry_server.settings.value_types import LogFormat

    settings = settings_of(args)
    if settings.reports_port is None:
        raise ConfigurationError("reports_port is off: give --port")
    existing_data_root(settings)
    check_certificate(settings)
    check_reports_access(settings)
    held = hold_reports_port(settings)
    if held is None:
        raise ConfigurationError(
            f"{settings.reports_host}:{settings.reports_port} is in use: choose another --port"
        )
    logs.forgive_streams()
    is_text = None if settings.log_format is LogFormat.AUTO else settings.log_format is LogFormat.TEXT
    logs.configure(human=is_text)
    return serve_reports(settings, held, settings.port)
