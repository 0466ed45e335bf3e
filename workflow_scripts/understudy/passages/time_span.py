"""Where in a talk an answer comes from."""

from collections import Counter
from math import fsum, log

from understudy.text.words import stems_of, words_of


class SpokenSegments:
    """The segments of a transcript, made ready for many answers; those of plain text have no times, and are left out unless
    `with_untimed`."""

    def __init__(self, segments: list[list], with_untimed: bool = False):
        segments = [segment for segment in segments if with_untimed or segment[0] is not None]
        self._times = [
            (start_s, None if start_s is None else start_s + duration_s) for start_s, duration_s, *_ in segments
        ]
        self._stems = [stems_of(words_of(text)) for _, _, text, *_ in segments]
        counts = Counter(stem for stems in self._stems for stem in stems)
        self._weights = {stem: log(1 + len(segments) / count) for stem, count in counts.items()}

    def span_of(self, text: str) -> tuple[float, float] | None:
        """Return start and end in seconds of the run of segments that shares most words with `text`, or None if none does."""
        run = self.run_of(text)
        return run and (round(self._times[run[0]][0], 3), round(self._times[run[1]][1], 3))

    def run_of(self, text: str) -> tuple[int, int] | None:
        """Return the numbers of the first and the last segment of that run.

        Each segment scores the weights of the words that it shares, rare ones more, less the mean of all; the run is the one
        with the greatest sum (Kadane's maximum subarray)."""
        wanted = stems_of(words_of(text))
        # fsum: a set has another order in every process, and a plain sum another last digit.
        scores = [fsum(self._weights[stem] for stem in stems & wanted) for stems in self._stems]
        if not any(scores):
            return None
        mean = fsum(scores) / len(scores)
        return greatest_run([score - mean for score in scores]) if len(set(scores)) > 1 else (0, len(scores) - 1)


def greatest_run(scores: list[float]) -> tuple[int, int]:
    """First and last index of the run with the greatest sum; the first of equals."""
    best, best_run, current, start = float("-inf"), (0, 0), 0.0, 0
    for place, score in enumerate(scores):
        if current <= 0:
            current, start = 0.0, place
        current += score
        if current > best:
            best, best_run = current, (start, place)
    return best_run
