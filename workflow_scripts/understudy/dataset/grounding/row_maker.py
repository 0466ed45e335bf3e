"""One row with passages, of each kind."""

from collections.abc import Iterator, Sequence

from understudy.dataset.grounding.banks import questions_of_other_fields, refusals
from understudy.dataset.grounding.candidates import Candidate
from understudy.dataset.grounding.misses import Misses, words_of_all
from understudy.dataset.grounding.mix import MISSES, OUTSIDE, TRUE, TWO_TALKS, TWO_TURNS
from understudy.dataset.tokens import PairTokens
from understudy.passages.frame import MOST_TOKENS, framed, that_fit
from understudy.passages.sources import Passage
from understudy.passages.support import content_of, held_by
from understudy.rows.chat import chat_row

# With a larger share of a question's stems a passage is near its field.
OF_ITS_FIELD = 0.5


class RowMaker:
    """Makes rows {kind, passages, messages} of at most `most_tokens` tokens, with passages of `words` words."""

    def __init__(self, misses: Misses, words: int, tokens: PairTokens, most_tokens: int, seed: int):
        self._misses = misses
        self._words = words
        self._tokens = tokens
        self._most_tokens = most_tokens
        self._seed = seed
        self._refusals: dict[str | None, Iterator[str]] = {}

    def fits(self, candidate: Candidate) -> bool:
        """Whether there is room for a row with the true passage."""
        return self._row(TRUE, candidate.pair["question"], [candidate.passage], [], candidate.answer) is not None

    def true(self, candidate: Candidate) -> dict | None:
        """The true passage among near misses."""
        return self._with_true_passage(TRUE, candidate, [])

    def two_turns(self, first: dict, last: Candidate) -> dict | None:
        """Another pair of the talk, without passages, then the candidate with them; None if that is too long."""
        return self._with_true_passage(TWO_TURNS, last, chat_row(first["question"], first["answer"])["messages"])

    def two_talks(self, one: Candidate, other: Candidate) -> dict | None:
        """Two questions at once, whose answers are in two talks; None if that is too long."""
        question = f"{one.pair['question']} {other.pair['question']}"
        passages = [one.passage, other.passage]
        misses = self._near(question, [one, other], passages)
        return self._row(TWO_TALKS, question, passages, misses, f"{one.answer}\n\n{other.answer}")

    def misses_alone(self, candidate: Candidate) -> dict | None:
        """The candidate's question with near misses alone, and a refusal; None if there is no miss."""
        question = candidate.pair["question"]
        misses = self._near(question, [candidate], [])
        return self._row(MISSES, question, [], misses, self._refusal(candidate.language)) if misses else None

    def outside(self, language: str | None) -> Iterator[dict]:
        """Questions of other fields with the search's best passages, and a refusal.

        None where the search finds nothing to show, and none that the talks come near to."""
        for question in questions_of_other_fields(language, self._seed):
            passages = self._misses.best(question, self._words)
            asked = content_of(question, language)
            shares = [held_by([content_of(passage.text, language)], asked).share for passage in passages]
            if passages and max(shares) < OF_ITS_FIELD:
                row = self._row(OUTSIDE, question, [], passages, self._refusal(language))
                yield from [] if row is None else [row]

    def _with_true_passage(self, kind: str, candidate: Candidate, before: Sequence[dict]) -> dict | None:
        question = candidate.pair["question"]
        misses = self._near(question, [candidate], [candidate.passage])
        return self._row(kind, question, [candidate.passage], misses, candidate.answer, before)

    def _near(self, question: str, candidates: Sequence[Candidate], beside: Sequence[Passage]) -> list[Passage]:
        """Near misses in the room that the passages `beside` them leave."""
        room = self._words - words_of_all(beside)
        return self._misses.of(question, [each.answered for each in candidates], room, candidates[0].language)

    def _refusal(self, language: str | None) -> str:
        return next(self._refusals.setdefault(language, refusals(language, self._seed)))

    def _row(
        self,
        kind: str,
        question: str,
        needed: list[Passage],
        others: list[Passage],
        answer: str,
        before: Sequence[dict] = (),
    ) -> dict | None:
        """A row with all passages of `needed` and as many of `others` as fit, in the order in which a search shows them, because
        a small model trusts the first; None if that is too long."""
        passages = that_fit([*needed, *others], self._tokens.of_text, MOST_TOKENS)
        while passages and passages[: len(needed)] == needed:
            shown = self._misses.ranked(question, passages)
            messages = [*before, *chat_row(framed(question, shown), answer)["messages"]]
            if self._tokens.of_messages(messages) <= self._most_tokens:
                return {"kind": kind, "passages": [place_of_passage(each) for each in shown], "messages": messages}
            passages = passages[:-1]
        return None


def place_of_passage(passage: Passage) -> dict:
    return {"video_id": passage.video_id, "start_s": passage.start_s, "end_s": passage.end_s}
