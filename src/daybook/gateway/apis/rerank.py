"""Rerank, as Cohere, Jina and others offer it under `/v1`."""

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import Asked, Bound
from daybook.gateway.apis.families import OPENAI_FAMILY
from llm_tracker.usage.apis import RERANK as USAGE


def _bound(asked: Asked) -> Bound:
    """Bound the prompt: the query is read again for every document."""
    query, documents = asked.request.get("query"), asked.request.get("documents")
    length = len(query.encode("utf-8", "surrogatepass")) if isinstance(query, str) else len(str(query)) * 4
    repeated = length * len(documents) if isinstance(documents, list) else 0
    return Bound(asked.prompt_tokens + repeated, 0, media=asked.media)


RERANK = Api(
    usage=USAGE, family=OPENAI_FAMILY, tail="rerank", questions=(("query", "documents"),), bound=_bound
)
