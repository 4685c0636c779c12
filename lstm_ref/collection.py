"""Python's search for objects that are in a cycle, and when it is left out."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Without cyclic garbage collection: reading makes many objects and no cycles, and
    searching them for some takes a quarter of the time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
