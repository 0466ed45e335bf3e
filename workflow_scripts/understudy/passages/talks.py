"""The talks beside a model: whether they answer a question, which passages go with it, and the nearest place of each sentence.

What searches takes a quarter of a second to load, so it is loaded when it is needed."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from understudy.shared.errors import ConfigurationError, UnderstudyError
from understudy.shared.files import read_json
from understudy.shared.log import log

if TYPE_CHECKING:
    from understudy.passages.answers.places import Places
    from understudy.passages.answers.strict import StrictAnswer
    from understudy.passages.gate import Decision, Gate
    from understudy.passages.search import Search
    from understudy.passages.sources import Passage

NOTHING_STRICT = "The talks have nothing on this."


@dataclass
class Talks:
    """The index of a project and its gate, None where there are none or they can't be used; how answers are shown: `strict` and
    `notice` of the configuration's answering; and what the evaluation has measured, a sentence that is said once."""

    search: "Search | None" = None
    gate: "Gate | None" = None
    strict: bool = False
    notice: str | None = None
    measured: str | None = None

    @classmethod
    @contextlib.contextmanager
    def opened(
        cls, embedder: dict, answering: dict, measured: str | None, with_sources: bool = True, with_gate: bool = True
    ) -> Iterator[Self]:
        """The talks of the working directory: data/index and data/gate.json. `embedder` and `answering` are the configuration's,
        `measured` the error of the evaluation.

        What can't be used is left out with a warning; but raises ConfigurationError or IndexFault where answers are to be strict
        and there is nothing that they could be taken from."""
        from understudy.passages.store import INDEX, PASSAGES

        with contextlib.ExitStack() as opened:
            talks = cls(**answering)
            try:
                if with_sources and (INDEX / PASSAGES).exists():
                    talks.search = opened.enter_context(opened_search(embedder))
                    talks.gate = gate_of(talks.search) if with_gate else None
                    # It was measured on answers of the model.
                    talks.measured = None if talks.strict else measured
            except UnderstudyError as error:
                if talks.strict:
                    raise
                log.warning("Warning: answers come without sources: %s", error)
            if talks.strict and talks.search is None:
                raise ConfigurationError(
                    "answering.strict is true in config.yaml: answers are the talks' own sentences, and "
                    + (
                        "--no-sources leaves none."
                        if not with_sources
                        else f"there is no index. `understudy run {INDEX}/index.json`."
                    )
                )
            yield talks

    def decision(self, question: str, before: str | None) -> "Decision | None":
        """What the gate decides; None without one, or where the index can't be read: the search for passages warns of that."""
        if self.search is None or self.gate is None:
            return None
        try:
            return self.gate.decide(question, before, self.search)
        except UnderstudyError:
            return None

    def passages(self, question: str, before: str | None, count_tokens: Callable[[str], int]) -> "list[Passage] | None":
        """The passages that fit beside a question; None without an index and, with a warning, where it can't be read."""
        from understudy.passages.frame import MOST_SOURCES, that_fit

        if self.search is None:
            return None
        try:
            return that_fit(self.search.passages(question, before, limit=MOST_SOURCES), count_tokens)
        except UnderstudyError as error:
            log.warning("Warning: the talks can't be searched: %s", error)
            return None

    def strict_answer(self, question: str, before: str | None) -> "StrictAnswer":
        """The talks' own sentences that answer a question, each with its place. Raises IndexFault."""
        from understudy.passages.answers.strict import strict_answer
        from understudy.passages.frame import MOST_SOURCES

        passages = self.search.passages(question, before, limit=MOST_SOURCES)
        return strict_answer(self.search, question, passages, before)

    def places(self) -> "Places":
        """What finds the nearest place of a sentence; it remembers what it has read."""
        from understudy.passages.answers.places import Places

        return Places(self.search)


@contextlib.contextmanager
def opened_search(embedder: dict) -> "Iterator[Search]":
    """The index of the working directory, searched as the configuration's `retrieval.embedder` says.

    Raises IndexFault, with what to type, if there is no index or it can't be used."""
    from understudy.passages.search import Search
    from understudy.passages.store import INDEX, PASSAGES, open_store
    from understudy.passages.vectors import what_shapes_vectors

    with open_store(INDEX / PASSAGES) as store:
        if what_shapes_vectors(embedder) is None:
            yield Search(store)
            return
        # The client of a server takes half a second to load.
        from understudy.models.llama.server import EmbeddedModelError
        from understudy.passages.embedder import embedder_for
        from understudy.passages.vectors import EmbedderError

        with contextlib.ExitStack() as embedders:
            try:
                opened = embedders.enter_context(embedder_for(embedder))
            except (EmbeddedModelError, EmbedderError) as error:
                log.warning("Warning: searched by words alone. retrieval.embedder: %s", error)
                opened = None
            yield Search(store, opened)


def gate_of(search: "Search") -> "Gate | None":
    """The gate of the working directory; None where there is none, and with a warning where it can't be used."""
    from understudy.passages.gate import GATE, Gate, GateFault

    if not GATE.exists():
        return None
    try:
        gate = Gate.read(GATE)
        gate.check(search)
    except GateFault as fault:
        log.warning("Warning: the model is asked also what the talks don't answer. %s", fault)
        return None
    return gate


def measured_error(path: Path) -> str | None:
    """What the evaluation at `path` says that a reader has to expect, in one line; None where it doesn't."""
    from understudy.passages.cutting import plain_line

    try:
        said = read_json(path)["truth"]["error"]
    except (UnderstudyError, KeyError, TypeError):
        return None
    return plain_line(said) if isinstance(said, str) else None


def strict_text(answer: "Sequence[tuple[str, Passage]]") -> str:
    """A strict answer as one text."""
    return " ".join(sentence for sentence, _ in answer) or NOTHING_STRICT
