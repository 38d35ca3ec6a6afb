"""The processes of Fuel-stat that the supervisor starts beside the edge."""

from collections.abc import Callable

from telemetry_server.settings.settings import Settings
from telemetry_server.supervision.supervisor import Child


def fuel_children(settings: Settings) -> list[Child]:
    """Return the housekeeping, the ETL and, where there are sinks, the notifier."""

    def run_fuel(lifeline_fd: int, announce: Callable[[], None]) -> int:
        from telemetry_server.composition.fuel import run_housekeeping

        return run_housekeeping(settings, lifeline_fd, announce)

    def run_etl(lifeline_fd: int, announce: Callable[[], None]) -> int:
        from telemetry_server.composition.fuel_analytics import run_etl

        return run_etl(settings, lifeline_fd, announce)

    def run_notifier(lifeline_fd: int, _announce: Callable[[], None]) -> int:
        from telemetry_server.composition.fuel_failures import run_notifier

        return run_notifier(settings, lifeline_fd)

    # The first announces after its first try to migrate, so that senders find a database.
    children = [
        Child("fuel", run_fuel, announces=True, is_vital=False),
        Child("fuel-etl", run_etl, is_vital=False),
    ]
    if settings.fuel_notify:
        children.append(Child("fuel-notifier", run_notifier, is_vital=False))
    return children
