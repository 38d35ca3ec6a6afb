"""A job file, as it goes to other processes of this machine."""

from dataclasses import dataclass

from telemetry_server.mapreduce.job_file import JobFile, load_job
from telemetry_server.mapreduce.python_runner import PythonRunner


@dataclass(frozen=True, slots=True)
class PythonSpec:
    """The job in a Python file."""

    file: JobFile

    @property
    def digest(self) -> str:
        """A hash of the file and of the modules beside it that it imports."""
        return self.file.digest

    @property
    def reduces_once(self) -> bool:
        """Any number of reducers divide the keys."""
        return False

    @property
    def reads_ahead(self) -> bool:
        """Each record is mapped when it is read."""
        return False

    def runner(self) -> PythonRunner:
        """
        Load the file.

        Raises:
            JobFailed: It raises.
        """
        return PythonRunner(load_job(self.file))
