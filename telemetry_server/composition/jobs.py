"""Makes the built-in map-reduce jobs from the settings."""

from telemetry_server.composition.conversion import setup_of
from telemetry_server.mapreduce.jobs.builtin import HistogramJobSpec, plain_job
from telemetry_server.mapreduce.jobs.names import PLAIN_JOBS
from telemetry_server.mapreduce.python_spec import PythonSpec
from telemetry_server.mapreduce.work import JobSpec
from telemetry_server.settings.settings import Settings


def built_in_job(name: str, settings: Settings) -> JobSpec:
    """
    Return the built-in job *name*.

    Raises:
        ConfigurationError: A file that the settings name is not valid.
    """
    if name in PLAIN_JOBS:
        return PythonSpec(plain_job(name))
    return HistogramJobSpec(name, setup_of(settings).definition_finder)
