"""OpenAI. Its base URL includes the version."""

from daybook.gateway.apis.families import OPENAI_FAMILY
from daybook.gateway.providers.provider import Provider


class OpenAI(Provider):
    """api.openai.com."""

    name = "openai"
    label = "OpenAI"
    families = (OPENAI_FAMILY,)
    default_base_url = "https://api.openai.com/v1"
    added_paths = ("/chat/completions",)
    first_model = "gpt-5-mini"
    max_tokens_field = "max_completion_tokens"


OPENAI = OpenAI()
