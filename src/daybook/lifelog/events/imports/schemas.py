"""Responses of the import API."""

from pydantic import BaseModel, Field

from daybook.lifelog.events.imports.service import Imported

MOST_PROBLEMS = 200


class ImportProblem(BaseModel):
    """The reason why an entry of the file is not imported, or not completely."""

    line: int = Field(description="Line in the file, from 1; position in a JSON list.")
    message: str


class ImportResponse(BaseModel):
    """Result of importing a file."""

    created: int
    updated: int
    unchanged: int
    kept: int = Field(description="Edited since their import, and left unchanged.")
    problem_count: int
    problems: list[ImportProblem] = Field(description=f"The first {MOST_PROBLEMS}.")

    @classmethod
    def of(cls, imported: Imported) -> "ImportResponse":
        """Return the API's response."""
        return cls(
            created=imported.created,
            updated=imported.updated,
            unchanged=imported.unchanged,
            kept=imported.kept,
            problem_count=len(imported.problems),
            problems=[
                ImportProblem(line=problem.line, message=problem.message)
                for problem in imported.problems[:MOST_PROBLEMS]
            ],
        )
