"""Imports without garbage collection."""

import gc

import pytest

from telemetry_server.cli.garbage import uncollected


def test_nothing_is_collected_while_modules_are_imported():
    """Afterwards the collector works again, and looks at none of what they made."""
    frozen = gc.get_freeze_count()
    with uncollected():
        made = [[number] for number in range(1000)]
        assert not gc.isenabled()

    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(made)


def test_the_collector_works_after_an_import_that_fails():
    """And where it was off before, it stays off."""
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled()

    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
