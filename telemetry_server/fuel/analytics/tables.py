"""
The tables of the analytics database: facts, the same on SQLite and PostgreSQL.

They hold whole numbers, texts and flags only, so that one statement of a report gives the same on both.
Migrations create the tables; a test compares them with this description.
"""

import sqlalchemy as sa

from telemetry_server.fuel.database.tables import NAMES, Moment

VERSION_TABLE = "fuel_analytics_version"  # also the mark of an analytics backup
metadata = sa.MetaData(naming_convention=NAMES)


def _text(name: str, *, is_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), primary_key=is_key, nullable=False)


def _number(name: str, *, is_key: bool = False, is_optional: bool = False) -> sa.Column[int]:
    return sa.Column(
        name, sa.BigInteger(), primary_key=is_key, autoincrement=False, nullable=is_optional and not is_key
    )


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


# How far each table of the collector has been read.
bookmarks = sa.Table(
    "bookmarks",
    metadata,
    _text("source", is_key=True),
    _number("change_number"),  # all up to here is loaded, but for transactions that committed late
    _number("settled_number"),  # no transaction with a number up to here can commit any more
    _number("candidate_number"),  # becomes the settled number some time after `candidate_at`
    sa.Column("candidate_at", Moment(), nullable=False),
    sa.Column("read_at", Moment(), nullable=False),
)
fact_installation = sa.Table(
    "fact_installation",
    metadata,
    _text("uid", is_key=True),
    _number("change_number"),
    _text("release"),
    _flag("is_filtered"),
    _number("last_contact_day"),
    _number("environments"),
    _number("environments_declared", is_optional=True),
    sa.Index("ix_fact_installation_change_number", "change_number"),
)
fact_cluster = sa.Table(
    "fact_cluster",
    metadata,
    _text("uid", is_key=True),
    _number("position", is_key=True),
    _text("release"),
    _flag("is_filtered"),
    _number("cluster_id", is_optional=True),
    _flag("is_last"),
    _text("status"),
    _flag("is_operable"),
    _text("mode"),
    _text("os"),
    _text("release_version"),
    _text("hypervisor"),
    _text("network"),
    _text("storage"),
    _text("size"),
    _flag("is_customized"),
    _flag("has_sahara"),
    _flag("has_murano"),
    _flag("has_ceilometer"),
    _flag("has_heat"),
    _flag("has_ironic"),
)
fact_node = sa.Table(
    "fact_node",
    metadata,
    _text("uid", is_key=True),
    _number("cluster_position", is_key=True),
    _number("position", is_key=True),
    _text("release"),
    _flag("is_filtered"),
    _flag("is_operable"),
    _text("maker"),
    _text("server_type"),
    _flag("is_virtual"),
    _text("roles"),
    _flag("has_compute_and_storage"),
)
fact_role = sa.Table(
    "fact_role",
    metadata,
    _text("uid", is_key=True),
    _number("cluster_position", is_key=True),
    _number("position", is_key=True),
    _text("role", is_key=True),
    _text("release"),
    _flag("is_filtered"),
    _flag("is_operable"),
)
fact_category = sa.Table(
    "fact_category",
    metadata,
    _text("uid", is_key=True),
    _text("category", is_key=True),
    _text("value", is_key=True),
    _text("release"),
    _flag("is_filtered"),
    _number("count"),
    sa.Index("ix_fact_category_category", "category"),
)
fact_operation = sa.Table(
    "fact_operation",
    metadata,
    _text("uid", is_key=True),
    _number("external_id", is_key=True),
    _number("change_number"),
    _text("action_type"),
    _text("action_name"),
    _number("cluster_id", is_optional=True),
    sa.Column("attempt", sa.Text(), nullable=True),
    _text("status"),
    _text("start_day"),
    _number("ended_us", is_optional=True),
    sa.Column("seconds", sa.Double(), nullable=True),
    sa.Index("ix_fact_operation_change_number", "change_number"),
    sa.Index("ix_fact_operation_attempt", "attempt"),
    sa.Index("ix_fact_operation_action_name", "action_name"),
)
fact_oswl_day = sa.Table(
    "fact_oswl_day",
    metadata,
    _text("uid", is_key=True),
    _number("external_id", is_key=True),
    _number("change_number"),
    _number("cluster_id"),
    _text("resource_type"),
    _number("created_day"),
    _number("resources"),
    sa.Index("ix_fact_oswl_day_change_number", "change_number"),
)
fact_ostf_result = sa.Table(
    "fact_ostf_result",
    metadata,
    _text("uid", is_key=True),
    _number("cluster_id", is_key=True),
    _number("external_id", is_key=True),
    _number("position", is_key=True),
    _number("change_number"),
    _text("test"),
    _text("status"),
    _number("ended_us", is_optional=True),
    sa.Index("ix_fact_ostf_result_change_number", "change_number"),
)
OF_INSTALLATIONS = (fact_installation, fact_cluster, fact_node, fact_role, fact_category)
FACTS = (*OF_INSTALLATIONS, fact_operation, fact_oswl_day, fact_ostf_result)
