"""Run by Alembic: applies the migrations on the connection that `migrating` opened."""

from alembic import context

schema = context.config.attributes["schema"]
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    version_table=schema.version_table,
    render_as_batch=False,
)
context.run_migrations()
