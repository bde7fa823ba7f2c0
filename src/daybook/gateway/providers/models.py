"""Provider configurations."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Integer, String, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from daybook.db.base import Base, Created, Timestamps


class LLMConfig(Created, Base):
    """A provider that answers model calls.

    `provider` is a name in `kinds.PROVIDERS`, or one that only another version knows. `models` holds names and patterns
    (`gpt-*`). Lower `priority` is tried first; among equals `weight` is the share. `api_key` is encrypted and never
    shown. `settings` are `schemas.ConfigSettings`.
    """

    __tablename__ = "llm_configs"
    __table_args__ = (CheckConstraint("weight > 0", name="weight"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    provider: Mapped[str] = mapped_column(String(32))
    base_url: Mapped[str] = mapped_column(Text)
    api_key: Mapped[str] = mapped_column(Text)
    models: Mapped[list[str]] = mapped_column(server_default=text("'{*}'"))
    priority: Mapped[int] = mapped_column(server_default="100", default=100)
    weight: Mapped[int] = mapped_column(server_default="1", default=1)
    enabled: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())

    def __repr__(self) -> str:
        return f"LLMConfig(id={self.id}, name={self.name!r}, provider={self.provider!r})"


class PromptTemplate(Timestamps, Base):
    """Deprecated: kept for old rows, read by nothing."""

    __tablename__ = "llm_prompt_templates"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    name: Mapped[str | None] = mapped_column(String(255))
    content: Mapped[str | None] = mapped_column(Text)
