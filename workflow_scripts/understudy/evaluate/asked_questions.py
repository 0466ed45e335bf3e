"""Questions with passages, put to one model: what `understudy ask` and the figures on grounded answers are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.evaluate.context_answers import work_on_questions
from understudy.evaluate.held_out_answers import answer_to, computed
from understudy.evaluate.row_reading import RowReader, reader_of
from understudy.models.paths import model_to_ask
from understudy.passages.frame import framed, that_fit
from understudy.passages.sources import Passage


@dataclass(frozen=True)
class Question:
    """A question, and where it stands: file and line."""

    text: str
    where: str


@dataclass(frozen=True)
class Arm:
    """One of those that are asked: a model and the folder of its tokenizer; one that is prompted has a prompt file with the voice
    that stands in it, and pairs as examples."""

    name: str
    model: Path
    tokenizer: Path | None
    persona: tuple[str, str] | None = None
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Said:
    """What an arm answered, question by question: `records` have answer and finish_reason, `sources` the passages that it was
    given. `parts` is the file of its kept answers, which names the model by its content."""

    parts: Path
    records: list[dict[str, Any]]
    sources: list[list[Passage]]


def answers_of(
    arm: Arm, questions: Sequence[Question], found: Sequence[Sequence[Passage]], folder: Path, settings: dict[str, Any]
) -> Said:
    """Ask an arm all questions, each with the passages that fit; what a stopped command has computed is in `folder`/parts.

    `settings` is the configuration's evaluation. Raises NoModelError, InputFileError, EmbeddedModelError."""
    chosen = model_to_ask(arm.model)
    with reader_of(chosen, arm.tokenizer) as reader:
        sources = [that_fit(passages, token_counter(reader)) for passages in found]
        asked = [framed(question.text, given) for question, given in zip(questions, sources, strict=True)]
        places = [question.where for question in questions]
        work, _ = work_on_questions(reader, asked, places, arm.persona, list(arm.pairs), settings)
    parts = computed(arm.name, str(arm.model), chosen, work, settings, str(folder / "answers"), None)
    return Said(parts.path, [answer_to(parts, one, "answer", "finish_reason") for one in work.requests], sources)


def token_counter(reader: RowReader) -> Callable[[str], int]:
    """Tokens of a text, as `that_fit` counts them."""
    return lambda text: len(reader.text(text, "a passage").tokens)
