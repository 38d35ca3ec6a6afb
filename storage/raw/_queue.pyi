"""The compiled part of the queue of a writer; see ``_queue.c``."""

from storage.raw.submission_queue import PlainQueue as Queue

__all__ = ["Queue"]
