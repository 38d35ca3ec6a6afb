"""
Makes what is sent of a recorded document: only what the list allows, and then the second net.

Everything that leaves an installation passes here; the preview shows the same.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from telemetry_server.fuel.documents.private_values import Leak
from telemetry_server.fuel.documents.redaction import redacted
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
from telemetry_server.fuel.sender.shapes import DROPPED, Pseudonyms, day_time, moment, number, word

ANY_KEY = "*"
TASK_TYPE = "nailgun_task"
LISTS = ("current", "added", "removed", "modified")


class Sanitiser:
    """
    Sanitises the documents of one installation.

    Args:
        uid: The identifier that every document gets.
        secret: What pseudonyms are made with.
    """

    def __init__(self, uid: str, secret: bytes) -> None:
        self._uid = uid
        self._pseudonyms = Pseudonyms(secret)
        self._resources = resource_fields(self._pseudonyms)
        self.leaks: Counter[Leak] = Counter()  # what the second net found

    def action_log(self, external_id: int, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return the item of an action log."""
        body = item.get("body")
        body = body if isinstance(body, dict) else {}
        is_task = body.get("action_type") == TASK_TYPE
        sent = allowed_part(body, TASK if is_task else HTTP_REQUEST)
        info = sent.get("additional_info")
        if is_task and isinstance(info, dict):
            info["message"] = None
            info["output"] = self._output(body)
        return {"master_node_uid": self._uid, "external_id": external_id, "body": self._netted(sent)}

    def workload(self, external_id: int, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return the item of a workload record."""
        resource_type = word(item.get("resource_type"))
        fields = self._resources.get(resource_type, {})
        data = item.get("resource_data")
        data = data if isinstance(data, dict) else {}
        sent: dict[str, Any] = {
            "cluster_id": number(item.get("cluster_id")),
            "created_date": moment(item.get("created_date")),
            "updated_time": day_time(item.get("updated_time")),
            "resource_type": resource_type,
            "resource_checksum": self._pseudonyms.checksum(item.get("resource_checksum")),
            "resource_data": {name: allowed_part(data.get(name, []), Each(fields)) for name in LISTS},
        }
        if isinstance(item.get("version_info"), dict):
            sent["version_info"] = allowed_part(item["version_info"], VERSION_INFO)
        sent = {name: value for name, value in sent.items() if value is not DROPPED}
        return {"master_node_uid": self._uid, "id": external_id, **self._netted(sent)}

    def health_check_run(self, external_id: int, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return the item of a run of health checks."""
        sent = self._netted(allowed_part(dict(item), OSTF_RUN))
        return {**sent, "master_node_uid": self._uid, "external_id": external_id}

    def failure_report(self, item: Mapping[str, Any], contact: Mapping[str, Any]) -> dict[str, Any]:
        """Return a failure report, with the contact as the user gave it."""
        sent = self._netted(allowed_part(dict(item), FAILURE_REPORT))
        return {**sent, "master_node_uid": self._uid, "contact": dict(contact)}

    def structure(self, structure: Mapping[str, Any], user_information: dict[str, Any]) -> dict[str, Any]:
        """Return the installation structure, with the contact as the user chose."""
        sent = self._netted(allowed_part(dict(structure), STRUCTURE))
        return {"master_node_uid": self._uid, **sent, "user_information": user_information}

    def _output(self, body: Mapping[str, Any]) -> Any:
        tree = TASK_OUTPUTS.get(str(body.get("action_name")))
        info = body.get("additional_info")
        output = info.get("output") if isinstance(info, dict) else None
        return allowed_part(output, tree) if tree is not None and isinstance(output, dict) else None

    def _netted(self, value: Any) -> Any:
        return redacted(value, self.leaks)


def allowed_part(value: Any, tree: Tree) -> Any:
    """
    Return what *tree* allows of *value*.

    A name that is missing is left out; a scalar where names are expected is null; of a list where one value
    is expected, nothing is left.
    """
    if isinstance(tree, Allowed):
        return tree.shape(value)
    if isinstance(tree, Each):
        if not isinstance(value, list):
            return []
        elements = [allowed_part(element, tree.element) for element in value]
        return [element for element in elements if element is not DROPPED and element is not None]
    if not isinstance(value, dict):
        return None
    found = {}
    for name, inner in value.items():
        below = tree.get(name)
        if below is None and ANY_KEY in tree and word(name) == name:
            below = tree[ANY_KEY]
        if below is None:
            continue
        part = allowed_part(inner, below)
        if part is not DROPPED:
            found[name] = part
    return found
