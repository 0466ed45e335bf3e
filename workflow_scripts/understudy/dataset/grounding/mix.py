"""Which pairs stand on passages, and how: drawn by a seed, so that a new pair changes little of what the others do."""

from collections.abc import Sequence
from dataclasses import dataclass

from understudy.dataset.grounding.misses import Answered
from understudy.dataset.split import place_of
from understudy.passages.sources import Passage

TRUE, MISSES, TWO_TURNS, TWO_TALKS = "true_passage", "misses_alone", "two_turns", "two_talks"
SMALL_TALK, OUTSIDE = "small_talk", "outside_field"
# Of the rows that are not plain.
SHARES = {TRUE: 0.60, MISSES: 0.20, TWO_TURNS: 0.05, TWO_TALKS: 0.05, SMALL_TALK: 0.05, OUTSIDE: 0.05}
PAIRS_OF_A_ROW = {TRUE: 1, TWO_TURNS: 1, TWO_TALKS: 2}


@dataclass(frozen=True)
class Candidate:
    """A pair, with its number among the pairs, whose `passage` holds `answer`: its own, or a rewritten one."""

    number: int
    pair: dict
    answer: str
    answered: Answered
    passage: Passage
    language: str | None


@dataclass(frozen=True)
class Drawn:
    """Who stands how. `two_turns` has the number of the pair that comes first with each."""

    true: list[Candidate]
    two_turns: list[tuple[int, Candidate]]
    two_talks: list[tuple[Candidate, Candidate]]
    rows: dict[str, int]

    @property
    def candidates(self) -> list[Candidate]:
        return [*self.true, *(last for _, last in self.two_turns), *(each for both in self.two_talks for each in both)]


def rows_of_each_kind(pairs: int) -> dict[str, int]:
    """How many rows of each kind there are where `pairs` pairs are grounded."""
    rows = pairs / sum(SHARES[kind] * count for kind, count in PAIRS_OF_A_ROW.items())
    counts = {kind: round(rows * share) for kind, share in SHARES.items()}
    return counts | {TRUE: pairs - counts[TWO_TURNS] - 2 * counts[TWO_TALKS]}


def draw(candidates: Sequence[Candidate], pairs: Sequence[dict], plain_fraction: float, seed: int) -> Drawn:
    """Draw as many candidates as leave `plain_fraction` of all `pairs` plain, and how each of them stands."""
    wanted = round(len(pairs) * (1 - plain_fraction))
    left = sorted(candidates, key=lambda each: place_of(f"{each.pair['video_id']} {each.pair['slot']}", seed))[:wanted]
    rows = rows_of_each_kind(len(left))
    two_talks = []
    while len(two_talks) < rows[TWO_TALKS] and (both := of_two_talks(left)):
        two_talks.append(both)
        left = [each for each in left if each not in both]
    with_earlier = [(first, each) for each in left if (first := earlier_pair(each, pairs)) is not None]
    two_turns = with_earlier[: rows[TWO_TURNS]]
    last_turns = [each for _, each in two_turns]
    return Drawn([each for each in left if each not in last_turns], two_turns, two_talks, rows)


def of_two_talks(candidates: Sequence[Candidate]) -> tuple[Candidate, Candidate] | None:
    """The first of the candidates, and the first of another talk in the same language."""
    for one in candidates[:1]:
        for other in candidates[1:]:
            if other.pair["video_id"] != one.pair["video_id"] and other.language == one.language:
                return one, other
    return None


def earlier_pair(candidate: Candidate, pairs: Sequence[dict]) -> int | None:
    """The number of the pair of the same talk that comes before, or None for a talk's first one."""
    earlier = [
        number
        for number, pair in enumerate(pairs[: candidate.number])
        if pair["video_id"] == candidate.pair["video_id"]
    ]
    return earlier[-1] if earlier else None
