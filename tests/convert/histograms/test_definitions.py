"""What is made of a file of definitions."""

import gc
import json
from weakref import ref

from histogram_specs.spec_file import parse_spec_file
from telemetry_server.convert.histograms.definitions import definitions_of
from telemetry_server.records.definitions import layouts_of

FLAG = {"kind": "flag", "description": "x", "expires_in_version": "never"}


def a_file(name):
    return parse_spec_file(json.dumps({name: FLAG}).encode())


def test_it_is_made_once_and_goes_with_the_file():
    """A process meets thousands of revisions, and keeps only some of their files in memory."""
    file = a_file("FIRST")
    definitions, layouts = definitions_of(file), layouts_of(file)
    assert definitions_of(file) is definitions
    assert layouts_of(file) is layouts
    assert definitions_of(a_file("SECOND")) is not definitions
    gone = [ref(file), ref(definitions), ref(layouts)]

    del file, definitions, layouts
    gc.collect()

    assert [each() for each in gone] == [None] * 3
