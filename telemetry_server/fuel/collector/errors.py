"""Why a request is refused as a whole."""


class RequestRefused(Exception):
    """
    The request is answered with an error; nothing of it is stored.

    Args:
        status: The HTTP status.
        message: What is wrong, for the message of the envelope.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
