"""Daybook's own calls in tests: who they are made for, what they ask, what the provider says."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from daybook.db.engine import Database
from daybook.gateway.internal import InternalRequest
from llm_tracker.ids import uuid7
from support.gateway.upstream import Reply

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def add_user(database: Database, user_id: int = 7) -> int:
    """A person."""
    async with database.write() as session:
        await session.execute(
            text("INSERT INTO users (id, account) VALUES (:id, :account)"),
            {"id": user_id, "account": f"person{user_id}"},
        )
    return user_id


async def add_job(database: Database, user_id: int | None = 7) -> UUID:
    """A job that is under way."""
    job_id = uuid7()
    async with database.write() as session:
        await session.execute(
            text(
                "INSERT INTO inference_jobs (id, type, status, input_type, trace_id, user_id)"
                " VALUES (:id, 'diary_generation', 'processing', 'diary', :trace, :user)"
            ),
            {"id": job_id, "trace": TRACE, "user": user_id},
        )
    return job_id


def ask(**values: Any) -> InternalRequest:
    """A question about a diary."""
    asked = {
        "user_id": 7,
        "source": "diary",
        "model": "gpt-4o",
        "body": {"messages": [{"role": "user", "content": "Write."}], "max_tokens": 50},
        "trace_id": TRACE,
    }
    return InternalRequest(**{**asked, **values})


def said(words: str = "A quiet day.", prompt: int = 20, completion: int = 30, **more: Any) -> Reply:
    """A provider's answer."""
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    message = {"role": "assistant", "content": words}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt-4o-2024-11-20",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage,
    }
    return Reply(body={**body, **more})
