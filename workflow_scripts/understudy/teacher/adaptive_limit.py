"""How many requests a job has in flight: its share at first, half of it when the server says `too many`, then more again."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class AdaptiveLimit:
    """Additive increase, multiplicative decrease: what TCP does for a shared line (Chiu and Jain, 1989).

    `most` is the job's share of the run's limit, which is never exceeded."""

    def __init__(self, most: int):
        self.most = most
        self.now = most
        self._in_flight = 0
        self._successes = 0
        self._freed = Condition()
        self._round = 0

    @contextmanager
    def slot(self) -> Iterator[int]:
        """Wait until a request may be sent; yield the round that it belongs to, which `halve` takes."""
        with self._freed:
            self._freed.wait_for(lambda: self._in_flight < self.now)
            self._in_flight += 1
            round_ = self._round
        try:
            yield round_
        finally:
            with self._freed:
                self._in_flight -= 1
                self._freed.notify_all()

    def halve(self, round_: int) -> None:
        """Too many requests. Those that were in flight together count once."""
        with self._freed:
            if round_ == self._round:
                self.now = max(1, self.now // 2)
                self._round += 1
                self._successes = 0

    def succeeded(self) -> None:
        """One request went well; after as many as are allowed at a time, one more is."""
        with self._freed:
            self._successes += 1
            if self._successes >= self.now and self.now < self.most:
                self.now += 1
                self._successes = 0
                self._freed.notify_all()
