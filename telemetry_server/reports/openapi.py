"""The OpenAPI 3.1 document, made from the table of routes and the models."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from telemetry_server.reports.answers import CSV, JSON, PROBLEM_JSON
from telemetry_server.reports.models import ProblemBody
from telemetry_server.reports.route import Route

REF = "#/components/schemas/{model}"
# Statuses that every route of the API may have: parameters, who asks, from where, our own troubles.
EVERYWHERE = (400, 401, 403, 414, 421, 431, 500, 503)


def document(routes: Iterable[Route], version: str) -> bytes:
    """Return the document as JSON; routes outside of ``/api/`` are pages, and left out."""
    api = [route for route in routes if route.is_api]
    answers = {model for route in api for model in (route.answer, *route.other_answers.values()) if model}
    bodies = {route.body for route in api if route.body}
    models: Sequence[type[BaseModel]] = sorted(
        {*answers, *bodies, ProblemBody}, key=lambda each: each.__name__
    )
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in api:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route)
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "telemetry-server reports",
                "version": version,
                "description": "What came, what was refused and why, definitions, and SQL over stored pings.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "security": [{}, {"bearer": []}, {"session": []}],
            "paths": paths,
            "components": {
                "schemas": schemas["$defs"],
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer"},
                    "session": {"type": "apiKey", "in": "cookie", "name": "telemetry_session"},
                },
            },
        },
        option=orjson.OPT_INDENT_2,
    )


def _operation(route: Route) -> dict[str, Any]:
    words = [part for part in route.template.replace(".json", "").split("/") if part and part[0] != "{"]
    name = "_".join([route.method.lower(), *words[1:], *route.path_names]).replace("-", "_")
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": route.summary,
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": _responses(route),
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": _ref(route.body)}}}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in route.path_names
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.parameters is None:
        return []
    schema = route.parameters.model_json_schema(by_alias=True)
    properties, required = schema.get("properties", {}), schema.get("required", ())
    parameters = []
    for name, schema in properties.items():
        plain = {key: value for key, value in schema.items() if key not in ("title", "description")}
        entry = {"name": name, "in": "query", "required": name in required, "schema": _without_null(plain)}
        if "description" in schema:
            entry["description"] = schema["description"]
        parameters.append(entry)
    return parameters


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query string has no null: an absent parameter is left out."""
    others = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(others) == 1:
        schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, **others[0]}
    if schema.get("default", "") is None:
        del schema["default"]
    return schema


def _responses(route: Route) -> dict[str, Any]:
    good: dict[str, Any] = {JSON: {"schema": _ref(route.answer) if route.answer else {"type": "object"}}}
    if route.has_csv:
        good[CSV.partition(";")[0]] = {"schema": {"type": "string"}}
    responses: dict[str, Any] = {"200": {"description": "The answer", "content": good}}
    for status, model in route.other_answers.items():
        content = {JSON: {"schema": _ref(model)}}
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
    for status in sorted({*EVERYWHERE, *route.problems}):
        content = {PROBLEM_JSON: {"schema": _ref(ProblemBody)}}
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
    return responses


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}
