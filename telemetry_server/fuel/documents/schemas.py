"""
The JSON Schemas (draft 4) of requests and responses, as ``/api/v1/schemas/`` publishes them.

An item is checked against the schema of its own kind; the form of the whole request is checked first.
"""

from telemetry_server.fuel.documents.doctypes import (
    ACTION_LOGS,
    OSTF_RUNS,
    OSWL_STATS,
    RESOURCE_TYPES,
    BatchForm,
    Doctype,
)
from telemetry_server.fuel.documents.failure_schema import FAILURE_REQUEST, FAILURE_RESPONSE
from telemetry_server.fuel.documents.schema_parts import (
    COUNT,
    DRAFT_4,
    INTEGER,
    LIST,
    NUMBER,
    NUMBER_OR_NULL,
    OBJECT,
    SUCCESS,
    TEXT,
    TEXT_OR_NULL,
    TEXTS,
    UID,
    Schema,
    record,
)


def _body(action_type: str, end: Schema, additional_info: Schema) -> Schema:
    return record(
        {
            "id": NUMBER,
            "actor_id": TEXT_OR_NULL,
            "action_group": TEXT,
            "action_name": TEXT,
            "action_type": {"enum": [action_type]},
            "start_timestamp": TEXT,
            "end_timestamp": end,
            "additional_info": additional_info,
            "is_sent": {"type": "boolean"},
            "cluster_id": NUMBER_OR_NULL,
            "task_uuid": TEXT_OR_NULL,
        },
        ("action_type",),
    )


HTTP_REQUEST_BODY = _body("http_request", TEXT, record({"request_data": OBJECT, "response_data": OBJECT}))
TASK_BODY = _body(
    "nailgun_task",
    TEXT_OR_NULL,
    record(
        {
            "parent_task_id": NUMBER_OR_NULL,
            "subtasks_ids": LIST,
            "operation": TEXT,
            "nodes_from_resp": LIST,
            "ended_with_status": TEXT,
            "message": TEXT_OR_NULL,
            "output": {"type": ["object", "null"]},
        }
    ),
)


def _action_log(body: Schema) -> Schema:
    return record(
        {"master_node_uid": UID, "external_id": INTEGER, "body": body},
        ("master_node_uid", "external_id", "body"),
    )


# An action log is checked with the schema of its action type.
ACTION_LOG_OF_TYPE = {
    "http_request": _action_log(HTTP_REQUEST_BODY),
    "nailgun_task": _action_log(TASK_BODY),
}
ACTION_LOG = _action_log({"oneOf": [HTTP_REQUEST_BODY, TASK_BODY]})
OSWL = record(
    {
        "master_node_uid": UID,
        "id": INTEGER,
        "cluster_id": INTEGER,
        "created_date": {"type": "string", "format": "date"},
        "updated_time": {"type": "string", "format": "time"},
        "resource_type": {"enum": list(RESOURCE_TYPES)},
        "resource_checksum": TEXT,
        "resource_data": record(
            {"current": LIST, "added": LIST, "removed": LIST, "modified": LIST},
            ("current", "added", "removed", "modified"),
            is_closed=True,
        ),
        "version_info": record(
            {
                "fuel_version": TEXT_OR_NULL,
                "release_version": TEXT_OR_NULL,
                "release_name": TEXT_OR_NULL,
                "release_os": TEXT_OR_NULL,
                "environment_version": TEXT_OR_NULL,
            }
        ),
    },
    (
        "master_node_uid",
        "id",
        "cluster_id",
        "created_date",
        "updated_time",
        "resource_type",
        "resource_checksum",
        "resource_data",
    ),
    is_closed=True,
)
_SHA_NAMES = (
    "ostf_sha",
    "fuel-ostf_sha",
    "astute_sha",
    "nailgun_sha",
    "fuellib_sha",
    "fuel-library_sha",
    "python-fuelclient_sha",
    "fuelmain_sha",
)
FUEL_RELEASE = record(
    {"release": TEXT, "api": TEXT, "feature_groups": TEXTS, "build_id": TEXT}
    | dict.fromkeys(_SHA_NAMES, TEXT),
    ("release", "api", "feature_groups"),
)
NODE = record(
    {"id": COUNT, "roles": TEXTS, "status": TEXT, "os": TEXT, "manufacturer": TEXT}, ("id", "roles")
)
CLUSTER = record(
    {
        "id": COUNT,
        "nodes_num": COUNT,
        "nodes": {"type": "array", "items": NODE},
        "mode": TEXT,
        "release": record({"version": TEXT, "os": TEXT, "name": TEXT}, ("version", "os", "name")),
        "status": TEXT,
        "attributes": OBJECT,
        "network_configuration": record(
            {
                "segmentation_type": TEXT,
                "net_l23_provider": TEXT,
                "net_manager": TEXT,
                "fixed_networks_vlan_start": {"type": ["integer", "null"]},
                "fixed_network_size": COUNT,
                "fixed_networks_amount": COUNT,
            }
        ),
    },
    ("id", "nodes_num", "nodes", "mode", "release", "status", "attributes"),
)
INSTALLATION_STRUCTURE = record(
    {
        "master_node_uid": UID,
        "fuel_release": FUEL_RELEASE,
        "fuel_packages": TEXTS,
        "clusters_num": COUNT,
        "allocated_nodes_num": COUNT,
        "unallocated_nodes_num": COUNT,
        "clusters": {"type": "array", "items": CLUSTER},
    },
    ("master_node_uid", "clusters_num", "allocated_nodes_num", "unallocated_nodes_num", "clusters"),
)
OSTF_TEST = record(
    {
        "id": TEXT,
        "status": {"enum": ["success", "failure", "error", "skipped", "stopped"]},
        "taken_s": NUMBER_OR_NULL,
        "step": {"type": ["integer", "null"]},
    },
    ("id", "status"),
    is_closed=True,
)
OSTF_RUN = record(
    {
        "master_node_uid": UID,
        "external_id": INTEGER,
        "cluster_id": INTEGER,
        "testset": TEXT,
        "started_at": TEXT_OR_NULL,
        "ended_at": TEXT_OR_NULL,
        "status": TEXT,
        "fuel_version": TEXT_OR_NULL,
        "tests": {"type": "array", "items": OSTF_TEST},
    },
    ("master_node_uid", "external_id", "cluster_id", "testset", "status", "tests"),
    is_closed=True,
)

ERROR_RESPONSE = record(
    {"status": {"enum": ["error"]}, "message": TEXT}, ("status", "message"), is_closed=True
)
PING_RESPONSE = record(
    {"status": {"enum": ["ok", "error"]}, "exec_time": NUMBER, "message": TEXT}, ("status",)
)
INSTALLATION_RESPONSE = record(SUCCESS, ("status", "exec_time"), is_closed=True)


def request_of(form: BatchForm, item: Schema) -> Schema:
    """Return the schema of a request with a list of *item*."""
    return record({form.list_key: {"type": "array", "items": item}}, (form.list_key,), is_closed=True)


def response_of(form: BatchForm) -> Schema:
    """Return the schema of the response to a request of this *form*."""
    # What could be read of a bad key comes back as it was sent.
    key: Schema = {}
    result = record(
        dict.fromkeys(form.key_names, key) | {"status": {"enum": [str(status) for status in form.statuses]}},
        (*form.key_names, "status"),
        is_closed=True,
    )
    return record(
        SUCCESS | {form.list_key: {"type": "array", "items": result}},
        ("status", "exec_time", form.list_key),
        is_closed=True,
    )


_ITEMS = {Doctype.ACTION_LOG: ACTION_LOG, Doctype.OSWL: OSWL, Doctype.OSTF_RUN: OSTF_RUN}
REQUESTS: dict[Doctype, Schema] = {
    form.doctype: request_of(form, _ITEMS[form.doctype]) for form in (ACTION_LOGS, OSWL_STATS, OSTF_RUNS)
} | {
    Doctype.INSTALLATION_STRUCTURE: record(
        {"installation_structure": INSTALLATION_STRUCTURE}, ("installation_structure",), is_closed=True
    ),
    Doctype.FAILURE_REPORT: FAILURE_REQUEST,
}
RESPONSES: dict[Doctype, Schema] = {
    form.doctype: response_of(form) for form in (ACTION_LOGS, OSWL_STATS, OSTF_RUNS)
} | {Doctype.INSTALLATION_STRUCTURE: INSTALLATION_RESPONSE, Doctype.FAILURE_REPORT: FAILURE_RESPONSE}


def published(doctype: Doctype) -> Schema:
    """Return what ``/api/v1/schemas/<doctype>`` answers: both schemas, each complete in itself."""
    title = str(doctype).replace("-", " ")
    return {
        "request": {"$schema": DRAFT_4, "title": f"request with {title}", **REQUESTS[doctype]},
        "response": {"$schema": DRAFT_4, "title": f"response to {title}", **RESPONSES[doctype]},
    }
