"""Why a request is refused as a whole."""


class RequestRefused(Exception):
    """
    The request is answered with an error; nothing of it is stored.

    Args:
        status: The HTTP status.
        message: What is wrong, for the message of the envelope.
        retry_after_seconds: When it may be accepted; None says nothing about that.
    """

    def __init__(self, status: int, message: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_seconds = retry_after_seconds
