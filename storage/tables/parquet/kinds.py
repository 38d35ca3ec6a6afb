"""What columns hold."""

from enum import Enum


class Kind(Enum):
    """What a column holds; any value may be null."""

    TEXT = "text"
    WHOLE = "whole number of 64 bits"
    SHORT = "whole number of 32 bits"
    NUMBER = "number of 64 bits with a fraction"
    BOOLEAN = "true or false"
    DAY = "days since 1970"
    MOMENT = "microseconds since 1970, UTC"
    ID = "UUID"
    WHOLES = "list of whole numbers"
    TEXTS = "list of texts"
    PAIRS = "texts by text"
