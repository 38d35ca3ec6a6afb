"""Loads a compiled module from any file, such as one that was built with the compiler's checks."""

from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType


def loaded(name: str, library: str) -> ModuleType:
    """Return the module *name*, loaded from the file *library*."""
    loader = ExtensionFileLoader(name, library)
    spec = spec_from_loader(name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module
