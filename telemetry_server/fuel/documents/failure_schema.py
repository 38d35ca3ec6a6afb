"""The JSON Schemas of failure reports: the report, its contact, and the response."""

from telemetry_server.fuel.documents.schema_parts import (
    INTEGER_OR_NULL,
    OBJECT,
    SUCCESS,
    TEXT,
    TEXT_OR_NULL,
    TEXTS,
    UID,
    Schema,
    record,
)

MAX_CONTACT_CHARACTERS = 200
MAX_SUMMARY_CHARACTERS = 4000
MAX_FAILED_NODES = 1000
NEEDED_OF_CONTACT = ("last_name", "first_name", "email", "company")
OTHERS_OF_CONTACT = ("phone", "job_title", "country")

_NAME: Schema = {"type": "string", "pattern": r"\S", "maxLength": MAX_CONTACT_CHARACTERS}
_NAME_OR_NULL: Schema = {"type": ["string", "null"], "maxLength": MAX_CONTACT_CHARACTERS}
CONTACT = record(
    dict.fromkeys(NEEDED_OF_CONTACT, _NAME)
    | {"email": {**_NAME, "pattern": r"^[^@\s]+@[^@\s]+$"}}
    | dict.fromkeys(OTHERS_OF_CONTACT, _NAME_OR_NULL),
    NEEDED_OF_CONTACT,
)
FAILED_NODE = record({"id": INTEGER_OR_NULL, "roles": TEXTS, "error_type": TEXT_OR_NULL})
FAILURE_ERROR = record(
    {
        "type": TEXT_OR_NULL,
        "summary": {"type": ["string", "null"], "maxLength": MAX_SUMMARY_CHARACTERS},
        "failed_nodes": {"type": "array", "items": FAILED_NODE, "maxItems": MAX_FAILED_NODES},
    }
)
FAILURE_REPORT = record(
    {
        "report_id": {"type": "string", "pattern": "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"},
        "master_node_uid": UID,
        "occurred_at": TEXT_OR_NULL,
        "cluster_id": INTEGER_OR_NULL,
        "operation": {"type": ["string", "null"], "maxLength": MAX_CONTACT_CHARACTERS},
        "external_id": INTEGER_OR_NULL,
        "error": FAILURE_ERROR,
        "environment": {"type": ["object", "null"]},
        "contact": CONTACT,
    },
    ("report_id", "master_node_uid", "error", "contact"),
)
FAILURE_RESPONSE = record(
    SUCCESS
    | {
        "failure_report": record(
            {"report_id": TEXT, "status": {"enum": ["accepted", "existed"]}},
            ("report_id", "status"),
            is_closed=True,
        )
    },
    ("status", "exec_time", "failure_report"),
    is_closed=True,
)
FAILURE_REQUEST = record({"failure_report": FAILURE_REPORT}, ("failure_report",), is_closed=True)
# What is checked besides the contact: a report without a whole contact has a status of its own.
WITHOUT_CONTACT: Schema = {
    **FAILURE_REPORT,
    "properties": {**FAILURE_REPORT["properties"], "contact": OBJECT},
}
