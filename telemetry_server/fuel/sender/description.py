"""What is sent, in words: the list that the sanitiser uses, and the policy for what is done with it."""

from collections.abc import Iterator, Mapping
from typing import Any

from telemetry_server.fuel.sender.allowed import (
    FAILURE_REPORT,
    HTTP_REQUEST,
    OSTF_RUN,
    STRUCTURE,
    TASK,
    TASK_OUTPUTS,
    VERSION_INFO,
    Allowed,
    Each,
    Tree,
    resource_fields,
)
from telemetry_server.fuel.sender.shapes import Pseudonyms

SUMMARY = """\
What is sent

- Operations: which API calls and tasks were started, when, how long they took, and how they ended.
- Environments: their settings as flags and names that the product gives, their sizes and states.
- Nodes: roles, states, and hardware: manufacturer, product, processors, memory, sizes of disks.
- Failed deployments, with your contact: what failed, on which nodes, in which environment; only if you have
  filled in the contact.
- System: release, build and packages of the product, and health-check results by test.

Never sent: passwords, keys and certificates; addresses, MACs and host names; names that people give to
environments, nodes and users; texts of errors; the body of any request; your name or e-mail, unless you
ticked the box for the contact."""
POLICY = """\
Data use policy

- Nothing is sent before you have saved a choice.  An opt-out holds from the next request on.
- The identifier is random.  It is made once and is linked to no hardware and no person.
- The data shows which operations, settings and sizes occur and what fails.  It decides what is improved.
- Your contact is sent only while its box is ticked.  It is used only to ask about a failure.
- `fuel-sender preview` shows exactly what would be sent now.  `fuel-sender log` shows what was recorded here.
- `fuel-sender status` shows the identifier.  The operator of the collector needs it to delete your data."""


def allowed_fields() -> list[dict[str, str]]:
    """Return every field that may be sent, with its sensitivity and reviewer."""
    parts: dict[str, Tree] = {
        "action_logs (http_request)": HTTP_REQUEST,
        "action_logs (nailgun_task)": TASK,
        "installation_structure": STRUCTURE,
        "oswl_stats: version_info": VERSION_INFO,
        "ostf_runs": OSTF_RUN,
        "failure_reports": FAILURE_REPORT,
    }
    parts |= {f"action_logs: output of {name}": tree for name, tree in TASK_OUTPUTS.items()}
    parts |= {f"oswl_stats: {name}": tree for name, tree in resource_fields(Pseudonyms(b"")).items()}
    return [
        {
            "document": document,
            "field": path,
            "sensitivity": str(entry.sensitivity),
            "reviewer": entry.reviewer,
        }
        for document, tree in parts.items()
        for path, entry in _leaves(tree, "")
    ]


def _leaves(tree: Any, path: str) -> Iterator[tuple[str, Allowed]]:
    if isinstance(tree, Allowed):
        yield path, tree
    elif isinstance(tree, Each):
        yield from _leaves(tree.element, f"{path}[]")
    elif isinstance(tree, Mapping):
        for name, inner in tree.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
