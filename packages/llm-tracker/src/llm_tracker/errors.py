"""What the library itself raises. Errors of a provider are the `openai` SDK's and are raised as they came.

LLMTrackerError
├── ConfigurationError     (ValueError)  a setting is missing or cannot be read
├── EmptyMessagesError     (ValueError)  nothing was asked; nothing is recorded
├── EmptyResponseError     (ValueError)  the model was paid and said nothing; recorded as a failure
├── InvalidArgumentError   (ValueError)  an argument of a statistics function makes no sense
└── DatabaseError                        the ledger cannot be read now
"""


class LLMTrackerError(Exception):
    """The root of the library's own errors."""


class ConfigurationError(LLMTrackerError, ValueError):
    """A setting is missing or cannot be read; the sentence names it and never shows its value."""


class EmptyMessagesError(LLMTrackerError, ValueError):
    """Messages cannot be empty"""

    def __init__(self) -> None:
        super().__init__("Messages cannot be empty")


class EmptyResponseError(LLMTrackerError, ValueError):
    """LLM returned empty response"""

    def __init__(self) -> None:
        super().__init__("LLM returned empty response")


class InvalidArgumentError(LLMTrackerError, ValueError):
    """An argument makes no sense; the sentence begins with its name."""


class DatabaseError(LLMTrackerError):
    """The ledger cannot be read; the sentence says why and never shows a password."""
