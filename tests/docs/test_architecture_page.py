"""docs/architecture.md names functions that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
# Such as `edge/admission.py:Admission.refusal`; paths begin at the root or in telemetry_server/.
FUNCTION = re.compile(r"`([a-z_/]+\.py):([A-Za-z_.]+)`")
MAX_FILES_OF_THE_PATH = 14


def functions_of(path: Path) -> set[str]:
    """Names of the functions and methods of a module, methods as ``Class.method``."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {
                f"{node.name}.{method.name}"
                for method in node.body
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return names


def test_every_function_that_the_page_names_exists():
    """A renamed function or module must be renamed on the page too."""
    named = FUNCTION.findall(PAGE)
    assert len(named) >= MAX_FILES_OF_THE_PATH

    for module, function in named:
        path = next(p for p in (ROOT / module, ROOT / "telemetry_server" / module) if p.exists())
        assert function in functions_of(path), f"{module}:{function}"


def test_the_path_of_a_submission_has_at_most_fourteen_files():
    """Each numbered step begins with the file that it enters."""
    steps = re.findall(r"^\d+\. `([a-z_/]+\.py):", PAGE, re.MULTILINE)

    assert len(steps) == len(set(steps)) <= MAX_FILES_OF_THE_PATH
