"""Sentences grow into passages: each takes what stands beside it while that is worth it, up to BUDGET words together."""

from dataclasses import dataclass

import numpy as np

# Words: all passages that are read together; the least and the most of one.
BUDGET, SHORTEST, LONGEST = 300, 40, 160
# What sums leave of nothing.
LEAST_SCORE = 1e-6
# What a sentence after a passage, or before it, is worth against one at a new place: talks name a thing, then explain it.
AFTER, BEFORE = 1.1, 0.8


@dataclass(frozen=True)
class Sentences:
    """Sentences around the candidates, talk by talk; each array has one value a sentence.

    `run` numbers what stands without a gap or a long silence in one talk."""

    talk: np.ndarray
    place: np.ndarray
    run: np.ndarray
    words: np.ndarray
    text: list[str]
    terms: list[list[str]]
    start_s: list[float | None]
    end_s: list[float | None]
    # Where captions name who speaks: the speaker of each sentence, and whether that is not the teacher.
    speaker: list[str | None] | None = None
    others: np.ndarray | None = None

    def have_one_voice(self, one: int, another: int) -> bool:
        """Whether the same person says two sentences, as far as captions tell."""
        return self.speaker is None or self.speaker[one] == self.speaker[another]

    def __len__(self) -> int:
        return len(self.text)

    def end_of_runs(self) -> np.ndarray:
        """For each sentence the number of the first one after its run."""
        return np.searchsorted(self.run, self.run, side="right")


def run_ends(sentences: Sentences, size: int) -> np.ndarray:
    """For the run that begins at each sentence the number of the first sentence after it; it has at least one."""
    until = np.concatenate([[0], np.cumsum(sentences.words)])
    ends = np.searchsorted(until, until[:-1] + size, side="right") - 1
    return np.minimum(np.maximum(ends, np.arange(len(sentences)) + 1), sentences.end_of_runs())


def sums(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Sums of each row of `values` (rows, sentences) over the runs that begin at each sentence and end before `ends`."""
    until = np.concatenate([np.zeros((len(values), 1), values.dtype), np.cumsum(values, axis=1)], axis=1)
    return until[:, ends] - until[:, : len(ends)]


def spread(scores: np.ndarray, first: np.ndarray, ends: np.ndarray, count: int) -> np.ndarray:
    """Each of `count` sentences' score: half the mean and half the greatest of the scores of the runs that it lies in."""
    total = np.zeros(count + 1)
    covering = np.zeros(count + 1)
    for values, amounts in ((total, scores), (covering, np.ones(len(scores)))):
        np.add.at(values, first, amounts)
        np.subtract.at(values, ends, amounts)
    mean = np.cumsum(total)[:count] / np.maximum(np.cumsum(covering)[:count], 1)
    greatest = np.zeros(count)
    for step in range(int((ends - first).max(initial=0))):
        reaches = first + step < ends
        np.maximum.at(greatest, first[reaches] + step, scores[reaches])
    return (mean + greatest) / 2


@dataclass
class Place:
    """A passage on its way: the sentences from `first` up to `end`, their words, and the score of the best of them."""

    first: int
    end: int
    words: int
    score: float


def places_of(sentences: Sentences, scores: np.ndarray, begins: np.ndarray, limit: int) -> list[Place]:
    """Passages around the best sentences of `begins`, best first: as many as hold BUDGET words, then the next ones, up to
    `limit`."""
    growing = Growing(sentences, scores, begins)
    places: list[Place] = []
    while len(places) < limit:
        read = growing.read_together()
        if not read:
            break
        places += read
    return places[:limit]


class Growing:
    """Takes sentences into passages, each once."""

    def __init__(self, sentences: Sentences, scores: np.ndarray, begins: np.ndarray, budget: int = BUDGET):
        self.budget = budget
        self.sentences = sentences
        self.scores = scores
        self.free = scores > LEAST_SCORE
        may_begin = self.free & begins
        self.best_first = [number for number in np.argsort(-scores, kind="stable").tolist() if may_begin[number]]

    def read_together(self) -> list[Place]:
        """The next passages of as many words together as the budget has."""
        places: list[Place] = []
        left = self.budget
        while left > 0:
            beside = max(
                (
                    (self._worth_beside(number, place), -number, place)
                    for place in places
                    for number in self._next_to(place, left)
                ),
                key=lambda found: found[:2],
                default=None,
            )
            new = self._best_free() if left >= SHORTEST else None
            if new is None and beside is None:
                break
            if beside is not None and (new is None or beside[0] > self.scores[new]):
                left -= self._take(beside[2], -beside[1])
            else:
                place = self._begin(new, left)
                if place is None:
                    break
                places.append(place)
                left -= place.words
        return self._joined(sorted(places, key=lambda place: -place.score))

    def _worth_beside(self, number: int, place: Place) -> float:
        return self.scores[number] * (AFTER if number >= place.end else BEFORE)

    def _best_free(self) -> int | None:
        while self.best_first and not self.free[self.best_first[0]]:
            self.best_first.pop(0)
        return self.best_first[0] if self.best_first else None

    def _next_to(self, place: Place, left: int) -> list[int]:
        room = min(left, LONGEST - place.words)
        return [
            number
            for number in (place.first - 1, place.end)
            if 0 <= number < len(self.sentences)
            and self.free[number]
            and self._go_together(number, place.first)
            and self.sentences.words[number] <= room
        ]

    def _go_together(self, one: int, another: int) -> bool:
        """Whether two sentences are of one talk and one voice, with no gap and no long silence from one to the other."""
        return self.sentences.run[one] == self.sentences.run[another] and self.sentences.have_one_voice(one, another)

    def _take(self, place: Place, number: int) -> int:
        words = int(self.sentences.words[number])
        place.first, place.end = min(place.first, number), max(place.end, number + 1)
        place.words += words
        self.free[number] = False
        return words

    def _begin(self, best: int, left: int) -> Place | None:
        """A passage of at least SHORTEST words around a sentence, or None if it doesn't fit into `left`."""
        if self.sentences.words[best] > left and left < self.budget:
            return None
        place = Place(best, best, 0, float(self.scores[best]))
        self._take(place, best)
        while place.words < SHORTEST:
            beside = self._next_to(place, left - place.words)
            if not beside:
                break
            self._take(place, max(beside, key=lambda number: (self.scores[number], -number)))
        return place

    def _joined(self, places: list[Place]) -> list[Place]:
        """The places, those that touch as one, where the better one stood."""
        kept: list[Place] = []
        for place in places:
            touching = (
                other
                for other in kept
                if (other.first == place.end and self._go_together(place.end - 1, other.first))
                or (other.end == place.first and self._go_together(other.end - 1, place.first))
            )
            beside = next(touching, None)
            if beside is None:
                kept.append(place)
            else:
                beside.first, beside.end = min(beside.first, place.first), max(beside.end, place.end)
                beside.words += place.words
        return kept
