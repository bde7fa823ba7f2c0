"""OpenAI's completions, whose chunks resemble those of chat completions."""

from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import Asked, Bound, bound_by_maximum, count_of
from daybook.gateway.apis.chat_completions import assemble_chat, choice_texts
from daybook.gateway.apis.families import OPENAI_FAMILY
from daybook.gateway.transcript.terminal_events import DoneLine
from llm_tracker.usage.apis import COMPLETIONS as USAGE


def _bound(asked: Asked) -> Bound:
    request = asked.request
    times = max(count_of(request.get("n")), count_of(request.get("best_of")))
    return bound_by_maximum(asked, "max_tokens", times=times * _prompts(request.get("prompt")))


def _prompts(prompt: Any) -> int:
    """Count the prompts that are answered: each text of a list, or each list of token ids."""
    if not isinstance(prompt, list):
        return 1
    return max(sum(not isinstance(one, int) for one in prompt), 1)


COMPLETIONS = Api(
    usage=USAGE,
    family=OPENAI_FAMILY,
    tail="completions",
    asks_usage=True,
    questions=(("prompt",),),
    text=choice_texts,
    assemble=assemble_chat,
    terminal=DoneLine,
    pieces=("text", "content", "reasoning", "reasoning_content", "message"),
    bound=_bound,
)
