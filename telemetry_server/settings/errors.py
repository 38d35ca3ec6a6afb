"""The error that settings raise."""


class ConfigurationError(Exception):
    """The settings do not make sense.  Its text is one line for the user: what, where, what to do."""
