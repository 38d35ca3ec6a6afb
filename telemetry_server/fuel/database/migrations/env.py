"""Run by Alembic: applies the migrations on the connection that `migrating` opened."""

from alembic import context

from telemetry_server.fuel.database.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=False,
)
context.run_migrations()
