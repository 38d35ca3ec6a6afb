"""The compiled part of connections; see ``_connection.c``, and ``submit_connection.py`` for the types."""

from telemetry_server.edge.submit_connection import PlainActivity as Activity
from telemetry_server.edge.submit_connection import PlainConnection as Connection
from telemetry_server.edge.submit_connection import PlainLane as Lane
from telemetry_server.edge.submit_connection import PlainMemory as Memory

__all__ = ["Activity", "Connection", "Lane", "Memory"]
