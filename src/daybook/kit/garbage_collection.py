"""Python's garbage collector, in processes that handle many calls a second."""

import gc


def tune_garbage_collection() -> None:
    """Keep it away from what lives as long as the process, and let it look less often at what is young. For when the
    process has all that it works with.

    Calls leave few cycles behind; connections that have ended leave some, which are old by then. So what is old is
    looked over after 100,000 objects (some 10 MB), not after Python's long run: without what lives for ever, that takes
    a few milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 5, 2)
