"""SQL scripts as single statements: asyncpg takes one at a time."""


def statements(script: str) -> list[str]:
    """The statements of `script`, split at semicolons; a `$$`-quoted body keeps its own."""
    parts = script.split("$$")
    outside = [part.replace(";", ";\0") if index % 2 == 0 else part for index, part in enumerate(parts)]
    return [statement for statement in "$$".join(outside).split("\0") if statement.strip()]
