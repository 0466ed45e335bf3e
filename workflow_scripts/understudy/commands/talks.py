"""The talks beside a model, in the terminal: places before an answer, and under it the nearest place of each sentence."""

import contextlib
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.commands.project import CONFIG, configuration_of_project
from understudy.passages import talks
from understudy.shared.errors import UnderstudyError
from understudy.shared.log import log

if TYPE_CHECKING:
    # What searches takes a quarter of a second to load, which every command would wait for.
    from understudy.passages.answers.places import Checked
    from understudy.passages.gate import Decision
    from understudy.passages.sources import Passage

# Characters of a passage, and of a sentence, that stand beside its place.
GIST, SENTENCE = 100, 60


class Talks(talks.Talks):
    """The talks of a project, printed."""

    def say_not_covered(self, question: str, decision: "Decision") -> str:
        """Print that no talk answers, and the nearest talks; return what was said."""
        from understudy.passages.gate import sentences_for_not_covered

        sentence, before_nearest = sentences_for_not_covered(question, self.search)
        print(sentence)
        if decision.nearest:
            print_places(before_nearest, decision.nearest)
        return sentence

    def sources(self, question: str, before: str | None, count_tokens: Callable[[str], int]) -> "list[Passage]":
        """The passages that fit beside a question, printed; none, with a warning, where the index can't be read."""
        from understudy.commands.search import NOTHING_FOUND

        found = self.passages(question, before, count_tokens)
        if found is None:
            return []
        if not found:
            print(f"{NOTHING_FOUND}\n", flush=True)
            return []
        print_places("From the talks", found)
        return found

    def answer_strictly(self, question: str, before: str | None) -> str:
        """Print the talks' own sentences that answer a question, each with its second; return them. No model is asked."""
        chosen = self.strict_answer(question, before)
        for sentence, place in chosen:
            print(f"{sentence}\n    {place.heading()}  {place.link}")
        if not chosen:
            print(talks.NOTHING_STRICT)
        return talks.strict_text(chosen)

    def say_places(self, answer: str, passages: "Sequence[Passage]") -> None:
        """Print the nearest place of each sentence of an answer that claims something, and what that place doesn't have."""
        from understudy.passages.answers.sentences import sentences_of

        if self.search is None:
            return
        try:
            places = self.places()
            claims = [one for sentence in sentences_of(answer) if (one := places.of(sentence, passages)).claims]
        except UnderstudyError as error:
            log.warning("Warning: no places of sentences: %s", error)
            return
        if claims:
            with_place = sum(one.place is not None for one in claims)
            print(
                f"\n{with_place} of {len(claims)} sentences have a place in the talks; the nearest, which proves nothing:"
            )
        # A model that goes in circles has each of its sentences here once.
        for line in dict.fromkeys(map(in_one_line, claims)):
            print(line)
        if claims and self.measured is not None:
            # Once, and under an answer that it may hold for.
            print(f"\n{self.measured}")
            self.measured = None

    def say_notice(self) -> None:
        """Print the notice."""
        from understudy.passages.cutting import plain_line

        if self.notice is not None:
            print(f"\n{plain_line(self.notice)}")


def in_one_line(one: "Checked") -> str:
    """A sentence's beginning, its place, and its marks."""
    from understudy.passages.answers.sentences import without_signs
    from understudy.passages.cutting import plain_line

    gist = textwrap.shorten(plain_line(without_signs(one.text)), SENTENCE, placeholder=" ...")
    where = "no place" if one.place is None else f"{one.place.heading()}  {one.place.link}"
    marks = ", ".join(plain_line(mark.text) for mark in one.marks)
    return f"  - {gist}\n    {where}" + (f"; not there: {marks}" if marks else "")


def print_places(heading: str, passages: "Sequence[Passage]") -> None:
    """Print passages, each with its place, its link and its beginning."""
    print(f"{heading}:")
    for number, passage in enumerate(passages, 1):
        print(
            f"  {number}. {passage.heading()}  {passage.link}\n     {textwrap.shorten(passage.text, GIST, placeholder=' ...')}"
        )
    print(flush=True)


@contextlib.contextmanager
def talks_beside(model: Path, with_sources: bool, with_gate: bool) -> Iterator[Talks]:
    """The talks of the project that a model lies in, with what its configuration says of answers.

    What can't be used is left out with a warning; but raises InputFileError or ConfigurationError where the configuration can't
    be read, and ConfigurationError or IndexFault where answers are to be strict and there is nothing that they could be taken
    from."""
    project = next((folder for folder in model.absolute().parents if (folder / CONFIG).is_file()), None)
    if project is None:
        yield Talks()
        return
    with contextlib.ExitStack() as opened:
        with contextlib.chdir(project):
            talks = opened.enter_context(talks_of_project(with_sources, with_gate))
        yield talks


@contextlib.contextmanager
def talks_of_project(with_sources: bool, with_gate: bool) -> Iterator[Talks]:
    """As `talks_beside`, of the project in the working directory."""
    config = configuration_of_project()
    measured = talks.measured_error(Path("models") / config["name"] / "evaluation.json")
    embedder, answering = config["retrieval"]["embedder"], config["answering"]
    with Talks.opened(embedder, answering, measured, with_sources, with_gate) as opened:
        yield opened
