"""Garbage collection in processes that handle many calls per second."""

import gc


def tune_garbage_collection() -> None:
    """Exclude long-lived objects from collection and collect young ones less often. Call it after start-up.

    Calls leave few cycles; closed connections leave some in the oldest generation. It is collected after 100,000
    objects (about 10 MB), which takes a few milliseconds without the frozen objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 5, 2)
