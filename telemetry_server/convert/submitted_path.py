"""The path of a submission, however it came."""

from storage.raw.submission import Submission
from telemetry_server.pings.errors import BadSubmitPath
from telemetry_server.pings.submit_path import SubmitPath, parse_submit_path


def submitted_path(submission: Submission) -> SubmitPath:
    """
    Return the parts of the path of *submission*.

    Raises:
        BadSubmitPath: It has another form, or a queue had a message that is not a submission.
        BadDocumentId: The id is not a UUID.
    """
    if submission.fault:
        raise BadSubmitPath(f"{submission.fault} (at {submission.place})")
    return parse_submit_path(submission.path)
