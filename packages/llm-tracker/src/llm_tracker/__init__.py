"""Call a language model and keep one line for every call: tokens, cost, success.

Importing this package loads neither an SDK nor a database driver; the first call does.
"""

from llm_tracker.settings import configure

__all__ = ["__version__", "configure"]

__version__ = "0.1.0"
