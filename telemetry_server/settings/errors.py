"""The error that settings raise."""


class ConfigurationError(Exception):
    """A setting is not valid.  The text is one line for the user: what is wrong, where, what to do."""
