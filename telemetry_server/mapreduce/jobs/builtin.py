"""The built-in jobs, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from telemetry_server.mapreduce.job_file import JobFile, LoadedJob, read_job
from telemetry_server.mapreduce.jobs.dashboard import DashboardJob
from telemetry_server.mapreduce.jobs.frontend import FrontendJob
from telemetry_server.mapreduce.python_runner import PythonRunner
from telemetry_server.records.definitions import FindsSpecFile

FOLDER = Path(__file__).parent
HistogramJob = FrontendJob | DashboardJob
HISTOGRAM_JOBS: dict[str, Callable[[FindsSpecFile], HistogramJob]] = {
    "frontend": FrontendJob,
    "dashboard": DashboardJob,
}
"""Jobs that need definitions."""


def plain_job(name: str) -> JobFile:
    """Return the job file of a plain built-in job."""
    return read_job(FOLDER / f"{name}.py")


@dataclass(frozen=True, slots=True)
class HistogramJobSpec:
    """
    A built-in job that reads histograms, as it goes to other processes.

    *find_definitions* is called in each of them.
    """

    name: str
    find_definitions: Callable[[], FindsSpecFile]

    @property
    def digest(self) -> str:
        """A hash of the job's code."""
        digest = sha256()
        for name in (self.name, "histogram_sums"):
            digest.update((FOLDER / f"{name}.py").read_bytes())
        return digest.hexdigest()

    @property
    def reduces_once(self) -> bool:
        """Any number of reducers divide the keys."""
        return False

    @property
    def reads_ahead(self) -> bool:
        """Each record is mapped when it is read."""
        return False

    def runner(self) -> PythonRunner:
        """Return what runs the job."""
        job = HISTOGRAM_JOBS[self.name](self.find_definitions())
        file = JobFile(str(FOLDER / f"{self.name}.py"), b"")
        return PythonRunner(LoadedJob(file, job.map, job.combine, job.reduce, is_parsed=True))
