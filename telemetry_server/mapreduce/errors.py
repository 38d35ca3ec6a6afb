"""
The errors of map-reduce; each message is one line.

::

    MapReduceError
    ├── UnreadableFile      a job file, a filter or a stored file cannot be read
    ├── ArchiveUnusable     a stored file is only in the archive, which does not answer
    ├── BadFilter           a filter is not valid
    ├── JobFailed           the job's own code failed
    ├── BadPart             a part is damaged, or parts do not belong together
    ├── ProcessDied         a process was killed at every attempt
    ├── ClusterFailed       the cluster does not answer, or does not do the work
    ├── ClusterNotInstalled the extra ``cluster`` is missing
    └── UnusableFolder      a folder or an output file cannot be used
"""


class MapReduceError(Exception):
    """Base class of all errors of map-reduce."""


class UnreadableFile(MapReduceError):
    """A job file, a filter or a stored file cannot be read."""


class ArchiveUnusable(MapReduceError):
    """A stored file is only in the archive, which does not answer."""


class BadFilter(MapReduceError):
    """A filter is not valid; the message names the wrong part."""


class JobFailed(MapReduceError):
    """The job's own code failed; the message has the lines of the job."""


class BadPart(MapReduceError):
    """A part is damaged, or parts do not belong together."""


class ProcessDied(MapReduceError):
    """A mapper or a reducer was killed at every attempt."""


class ClusterFailed(MapReduceError):
    """The cluster does not answer, or does not do the work."""


class ClusterNotInstalled(MapReduceError):
    """The packages of the extra ``cluster`` are missing."""


class UnusableFolder(MapReduceError):
    """A folder or an output file cannot be used."""
