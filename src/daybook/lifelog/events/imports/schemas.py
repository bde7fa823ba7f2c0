"""What the API says about an import."""

from pydantic import BaseModel, Field

from daybook.lifelog.events.imports.service import Imported

MOST_PROBLEMS = 200


class ImportProblem(BaseModel):
    """Why something in the file is not imported, or not all of it."""

    line: int = Field(description="In the file, from 1; of a JSON list the place in it.")
    message: str


class ImportResponse(BaseModel):
    """What became of a file's events."""

    created: int
    updated: int
    unchanged: int
    kept: int = Field(description="Edited since they were imported, and left so.")
    problem_count: int
    problems: list[ImportProblem] = Field(description=f"The first {MOST_PROBLEMS}.")

    @classmethod
    def of(cls, imported: Imported) -> "ImportResponse":
        """As the API answers it."""
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
