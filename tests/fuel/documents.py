"""Documents that a well-behaved sender sends."""

from typing import Any

UID = "inst-aurora"


def a_task(number: int, uid: str = UID, **body: Any) -> dict[str, Any]:
    """Return the log of a finished task."""
    whole = {
        "id": number,
        "actor_id": "9f2c",
        "action_group": "cluster_changes",
        "action_name": "deploy",
        "action_type": "nailgun_task",
        "start_timestamp": "2026-02-01T08:00:00",
        "end_timestamp": "2026-02-01T08:45:30",
        "additional_info": {
            "parent_task_id": None,
            "subtasks_ids": [42, 43],
            "operation": "deploy",
            "ended_with_status": "ready",
        },
        "is_sent": False,
        "cluster_id": 3,
        "task_uuid": "e0d8e0f2-0000-4000-8000-000000000041",
    }
    return {"master_node_uid": uid, "external_id": number, "body": whole | body}


def a_request_log(number: int, **body: Any) -> dict[str, Any]:
    """Return the log of an API call."""
    task = a_task(number)
    task["body"] |= {
        "action_type": "http_request",
        "additional_info": {
            "request_data": {"url": "/api/clusters/3/changes"},
            "response_data": {"status": "202 Accepted"},
        },
    } | body
    return task


def a_node(number: int, **fields: Any) -> dict[str, Any]:
    """Return a node of a cluster."""
    return {"id": number, "roles": ["controller"], "status": "ready"} | fields


def a_structure(uid: str = UID, **fields: Any) -> dict[str, Any]:
    """Return the request with a small installation structure."""
    structure = {
        "master_node_uid": uid,
        "clusters_num": 1,
        "allocated_nodes_num": 2,
        "unallocated_nodes_num": 1,
        "fuel_release": {"release": "9.0", "api": "1.0", "feature_groups": []},
        "clusters": [
            {
                "id": 3,
                "mode": "ha_compact",
                "status": "operational",
                "nodes_num": 2,
                "attributes": {"libvirt_type": "KVM"},
                "release": {"version": "mitaka-9.0", "os": "Ubuntu", "name": "Mitaka on Ubuntu"},
                "nodes": [a_node(10), a_node(11, roles=["cinder", "compute"])],
            }
        ],
    } | fields
    return {"installation_structure": {name: value for name, value in structure.items() if value is not ...}}


def a_workload(number: int = 501, **fields: Any) -> dict[str, Any]:
    """Return the record of one VM that appeared."""
    record = {
        "master_node_uid": UID,
        "id": number,
        "cluster_id": 3,
        "created_date": "2026-02-02",
        "updated_time": "10:15:00",
        "resource_type": "vm",
        "resource_checksum": "0a1b",
        "resource_data": {
            "current": [{"id": "vm-1", "status": "ACTIVE", "tenant_id": "t1"}],
            "added": [{"id": "vm-1", "time": "10:15:00"}],
            "removed": [],
            "modified": [],
        },
    } | fields
    return {name: value for name, value in record.items() if value is not ...}


def a_run(number: int = 7, **fields: Any) -> dict[str, Any]:
    """Return a run of health checks."""
    return {
        "master_node_uid": UID,
        "external_id": number,
        "cluster_id": 3,
        "testset": "smoke",
        "started_at": "2026-02-02T10:00:00Z",
        "ended_at": "2026-02-02T10:05:00Z",
        "status": "finished",
        "tests": [{"id": "fuel_health.tests.smoke.test_create_flavor", "status": "success", "taken_s": 1.5}],
    } | fields


CONTACT = {"last_name": "Doe", "first_name": "Ada", "email": "ada@example.org", "company": "Example Ltd"}


def a_failure(number: int = 1, uid: str = UID, **changes: Any) -> dict[str, Any]:
    """Return a failure report; an ellipsis takes a field out."""
    report = {
        "report_id": f"5b0f0c1e-7a57-4f0e-9a52-{number:012x}",
        "master_node_uid": uid,
        "occurred_at": "2026-03-04T11:22:33Z",
        "cluster_id": 7,
        "operation": "deploy",
        "external_id": 912,
        "error": {
            "type": "deploy",
            "summary": "2 of 6 nodes failed",
            "failed_nodes": [{"id": 14, "roles": ["compute"], "error_type": "deploy"}],
        },
        "environment": {"release": "2015.1.0-7.0", "os": "Ubuntu", "mode": "ha_compact", "nodes_num": 6},
        "contact": CONTACT | {"phone": None, "job_title": None, "country": None},
    } | changes
    return {"failure_report": {name: value for name, value in report.items() if value is not ...}}
