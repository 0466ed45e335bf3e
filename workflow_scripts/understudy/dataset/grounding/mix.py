"""Which pairs stand on passages, and how: drawn by a seed, so that a new pair changes little of what the others do."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from understudy.dataset.grounding.candidates import Candidate
from understudy.dataset.split import place_of

TRUE, MISSES, TWO_TURNS, TWO_TALKS = "true_passage", "misses_alone", "two_turns", "two_talks"
SMALL_TALK, OUTSIDE = "small_talk", "outside_field"
# Of the rows that are not plain; those with the true passage alone are the rest of them.
SHARES = {TWO_TURNS: 0.05, TWO_TALKS: 0.05, SMALL_TALK: 0.05}
# Of the rows that refuse, those with a question of the field.
OF_THE_FIELD = 0.8
PAIRS_OF_A_ROW = {TRUE: 1, TWO_TURNS: 1, TWO_TALKS: 2}


@dataclass(frozen=True)
class Drawn:
    """Who stands how, and how many rows of each kind are wanted. `two_turns` has the number of the pair that comes first with
    each."""

    true: list[Candidate]
    two_turns: list[tuple[int, Candidate]]
    two_talks: list[tuple[Candidate, Candidate]]
    rows: dict[str, int]

    @property
    def candidates(self) -> list[Candidate]:
        return [*self.true, *(last for _, last in self.two_turns), *(each for both in self.two_talks for each in both)]


def shares_of(refusal_fraction: float) -> dict[str, float]:
    """The share of each kind among the rows that are not plain, `refusal_fraction` of which refuse."""
    refused = {MISSES: OF_THE_FIELD * refusal_fraction, OUTSIDE: (1 - OF_THE_FIELD) * refusal_fraction}
    return SHARES | refused | {TRUE: 1 - refusal_fraction - sum(SHARES.values())}


def rows_of_each_kind(pairs: int, refusal_fraction: float) -> dict[str, int]:
    """How many rows of each kind there are where `pairs` pairs are grounded."""
    shares = shares_of(refusal_fraction)
    rows = pairs / sum(shares[kind] * count for kind, count in PAIRS_OF_A_ROW.items())
    counts = {kind: round(rows * share) for kind, share in shares.items()}
    return counts | {TRUE: pairs - counts[TWO_TURNS] - 2 * counts[TWO_TALKS]}


def draw(candidates: Sequence[Candidate], pairs: Sequence[dict], settings: dict, seed: int) -> Drawn:
    """Draw as many candidates as leave `plain_fraction` of all `pairs` plain, and how each of them stands; `settings` are the
    configuration's grounding."""
    wanted = round(len(pairs) * (1 - settings["plain_fraction"]))
    drawn = sorted(candidates, key=lambda each: place_of(f"{each.pair['video_id']} {each.pair['slot']}", seed))[:wanted]
    rows = rows_of_each_kind(len(drawn), settings["refusal_fraction"])
    two_talks = list(islice(of_two_talks(drawn), rows[TWO_TALKS]))
    left = without(drawn, [each for both in two_talks for each in both])
    earlier = earlier_pairs(pairs)
    last_turns = [each for each in left if each.number in earlier][: rows[TWO_TURNS]]
    two_turns = [(earlier[each.number], each) for each in last_turns]
    return Drawn(without(left, last_turns), two_turns, two_talks, rows)


def without(candidates: Iterable[Candidate], others: Iterable[Candidate]) -> list[Candidate]:
    gone = {each.number for each in others}
    return [each for each in candidates if each.number not in gone]


def of_two_talks(candidates: Iterable[Candidate]) -> Iterator[tuple[Candidate, Candidate]]:
    """Candidates two by two, of different talks in one language, in their order; what finds no partner is left."""
    waiting: list[Candidate] = []
    for each in candidates:
        others = (one for one in waiting if one.language == each.language)
        partner = next((one for one in others if one.pair["video_id"] != each.pair["video_id"]), None)
        if partner is None:
            waiting.append(each)
        else:
            waiting.remove(partner)
            yield partner, each


def earlier_pairs(pairs: Sequence[dict]) -> dict[int, int]:
    """By a pair's number that of the pair before it in the same talk; a talk's first one has none."""
    last: dict[str | None, int] = {}
    earlier = {}
    for number, pair in enumerate(pairs):
        if pair["video_id"] in last:
            earlier[number] = last[pair["video_id"]]
        last[pair["video_id"]] = number
    return earlier
