"""The compiled hand-over to the thread of a writer; see ``_handover.c``."""

from storage.raw.handover import PlainHandover as Handover

__all__ = ["Handover"]
