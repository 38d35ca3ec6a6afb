"""The start of the program: holds Ctrl-C during the imports that every command needs."""

# `signal` imports `enum`, which takes a third of the time of these imports.
from _signal import SIG_BLOCK, SIG_SETMASK, SIGINT, pthread_sigmask  # type: ignore[import-not-found]


def run_program() -> int:
    """Run the command that the words after the program's name give; return the exit status."""
    before = pthread_sigmask(SIG_BLOCK, {SIGINT})
    from telemetry_server.cli.exit_status import ExitStatus
    from telemetry_server.cli.main import main

    try:
        pthread_sigmask(SIG_SETMASK, before)  # Ctrl-C that was held raises here
        return main()
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
