"""
Errors of queues.

.. code-block:: text

    QueueError
    ├── BadQueueUrl      the URL, or a file that belongs to it, is not valid
    ├── BrokerAway       no broker answers, or the connection was lost; a later try may succeed
    ├── QueueRefused     the broker answers, but not with this stream, these credentials or these rights
    ├── PositionLost     the stream does not have the messages that come next
    ├── AlreadyPulling   another process pulls into this data root
    └── ShareChanged       this data root took another share before
"""


class QueueError(Exception):
    """An error of a queue; its text is one line without credentials."""


class BadQueueUrl(QueueError):
    """The URL, or a file that belongs to it, is not valid."""


class BadQueueFile(BadQueueUrl):
    """A file that belongs to the URL is not valid; the text begins with the name of its setting."""


class BrokerAway(QueueError):
    """No broker answers, or the connection was lost; a later try may succeed."""


class QueueRefused(QueueError):
    """The broker answers, but refuses: the stream does not exist, or may not be used."""


class PositionLost(QueueError):
    """The stream does not have the messages that come next: they were removed, or it was made again."""


class AlreadyPulling(QueueError):
    """Another process pulls into this data root."""


class ShareChanged(QueueError):
    """This data root took another share before: ids would be stored twice, or nowhere."""
