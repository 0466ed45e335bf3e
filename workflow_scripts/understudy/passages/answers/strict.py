"""A strict answer: the talks' own sentences, chosen by the program. No word of it is a model's."""

from collections.abc import Sequence

from understudy.passages.search import Search
from understudy.passages.sources import Passage

MOST_WORDS = 120

# Each sentence with its place: its own second and link.
StrictAnswer = list[tuple[str, Passage]]


def strict_answer(
    search: Search, question: str, passages: Sequence[Passage], before: str | None = None
) -> StrictAnswer:
    """The sentences around the best places of the passages that were found for a question, at most MOST_WORDS together.

    They are read from the index, whole: what else stands in a passage isn't repeated. `before` is the question that this one
    follows. Raises IndexFault if the index is broken where it is read."""
    return [(sentence.text, sentence) for sentence in search.best_sentences(question, before, passages, MOST_WORDS)]
