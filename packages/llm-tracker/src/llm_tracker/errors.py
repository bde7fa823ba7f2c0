"""The library's own errors. A provider's errors are the `openai` SDK's, raised unchanged.

LLMTrackerError
├── ConfigurationError     (ValueError)  a setting is missing or invalid
├── EmptyMessagesError     (ValueError)  no messages; nothing is recorded
├── EmptyResponseError     (ValueError)  an answer without text; recorded as a failure
├── InvalidArgumentError   (ValueError)  an invalid argument of a statistics function
└── DatabaseError                        the ledger cannot be read
"""


class LLMTrackerError(Exception):
    """The root of the library's own errors."""


class ConfigurationError(LLMTrackerError, ValueError):
    """A setting is missing or invalid. The message names it and never shows its value."""


class EmptyMessagesError(LLMTrackerError, ValueError):
    """Messages cannot be empty"""

    def __init__(self) -> None:
        super().__init__("Messages cannot be empty")


class EmptyResponseError(LLMTrackerError, ValueError):
    """LLM returned empty response"""

    def __init__(self) -> None:
        super().__init__("LLM returned empty response")


class InvalidArgumentError(LLMTrackerError, ValueError):
    """An argument is invalid. The message begins with its name."""


class DatabaseError(LLMTrackerError):
    """The ledger cannot be read. The message has the reason and never a password."""
