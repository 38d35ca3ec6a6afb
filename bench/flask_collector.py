"""
A collector in the shape of the original: Flask, jsonschema, SQLAlchemy's bulk insert over psycopg2.

``python -m bench.flask_collector URL`` prints its port and serves until it is stopped.
"""

import json
import sys
from time import perf_counter
from typing import Any

import flask
import jsonschema
import sqlalchemy as sa
from werkzeug.serving import WSGIRequestHandler, make_server

from telemetry_server.fuel.documents.doctypes import Doctype
from telemetry_server.fuel.documents.schemas import REQUESTS

CHUNK_ITEMS = 1000
metadata = sa.MetaData()
action_logs = sa.Table(
    "flask_action_logs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("master_node_uid", sa.String, nullable=False),
    sa.Column("external_id", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("action_type", sa.Text),
    sa.Column("action_name", sa.Text),
    sa.UniqueConstraint("master_node_uid", "external_id"),
    sa.Index("ix_flask_name_type", "action_name", "action_type"),
)


def make_app(engine: sa.Engine) -> flask.Flask:
    """Return the application."""
    app = flask.Flask("flask_collector")
    validator = jsonschema.Draft4Validator(REQUESTS[Doctype.ACTION_LOG])

    @app.post("/api/v1/action_logs/")
    def take() -> Any:
        started = perf_counter()
        request = flask.request.get_json()
        validator.validate(request)
        results: list[dict[str, Any]] = []
        items = request["action_logs"]
        for start in range(0, len(items), CHUNK_ITEMS):
            results += store(engine, items[start : start + CHUNK_ITEMS])
        seconds = perf_counter() - started
        return flask.jsonify({"status": "ok", "exec_time": seconds, "action_logs": results})

    return app


def store(engine: sa.Engine, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Look up which items are stored, insert the others, and return the status of each."""
    by_key = {(item["master_node_uid"], item["external_id"]): item for item in items}
    with engine.begin() as connection:
        known = connection.execute(
            sa.select(action_logs.c.master_node_uid, action_logs.c.external_id).where(
                action_logs.c.master_node_uid.in_({uid for uid, _ in by_key}),
                action_logs.c.external_id.in_([number for _, number in by_key]),
            )
        )
        existed = {tuple(row) for row in known}
        new = [
            {
                "master_node_uid": uid,
                "external_id": number,
                "body": json.dumps(item["body"]),
                "action_type": item["body"]["action_type"],
                "action_name": item["body"]["action_name"],
            }
            for (uid, number), item in by_key.items()
            if (uid, number) not in existed
        ]
        if new:
            connection.execute(action_logs.insert(), new)
    return [
        {"master_node_uid": uid, "external_id": n, "status": "existed" if (uid, n) in existed else "added"}
        for uid, n in by_key
    ]


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open

    def log(self, *_words: Any) -> None:
        """Print nothing."""


def main() -> None:
    """Serve on a free port."""
    engine = sa.create_engine(sys.argv[1].replace("+psycopg:", "+psycopg2:"))
    metadata.create_all(engine)
    server = make_server("127.0.0.1", 0, make_app(engine), request_handler=_Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
