"""How Alembic reaches the database: over the connection that `daybook.db.migrate` hands in."""

from alembic import context

from daybook.db.base import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata)
context.run_migrations()
