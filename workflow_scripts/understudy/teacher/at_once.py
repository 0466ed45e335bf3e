"""Several requests of a job at a time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def asked_at_once(ask: Callable[[Item], Result], items: Sequence[Item], at_once: int) -> list[Result]:
    """Return what `ask` gives for each item, in their order, `at_once` at a time; after an error nothing further is begun."""
    with ThreadPoolExecutor(max(1, at_once)) as pool:
        pending = [pool.submit(ask, item) for item in items]
        try:
            return [each.result() for each in pending]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
