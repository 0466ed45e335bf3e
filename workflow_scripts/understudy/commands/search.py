"""Search the talks: understudy search "..." """

import contextlib
import json
import os
import sys
from collections.abc import Iterator

from understudy.passages.search import Search
from understudy.passages.sources import Passage, with_marks
from understudy.passages.store import INDEX, PASSAGES, open_store
from understudy.passages.vectors import what_shapes_vectors
from understudy.shared.errors import UnderstudyError
from understudy.shared.log import log

NOTHING_FOUND = (
    "No passage of the talks is found: other words may be. Words such as `the` and `what` are not searched for."
)
BOLD, PLAIN = "\033[1m", "\033[0m"


@contextlib.contextmanager
def opened_search(embedder: dict) -> Iterator[Search]:
    """The index of the project in the working directory, searched as the configuration's `retrieval.embedder` says.

    Raises IndexFault, with what to type, if there is no index or it can't be used."""
    with open_store(INDEX / PASSAGES) as store:
        if what_shapes_vectors(embedder) is None:
            yield Search(store)
            return
        # The client of a server takes half a second to load.
        from understudy.models.llama.server import EmbeddedModelError
        from understudy.passages.embedder import embedder_for
        from understudy.teacher.api_key import MissingKeyError

        with contextlib.ExitStack() as embedders:
            try:
                opened = embedders.enter_context(embedder_for(embedder))
            except (EmbeddedModelError, MissingKeyError) as error:
                log.warning("Warning: searched by words alone. retrieval.embedder: %s", error)
                opened = None
            yield Search(store, opened)


def search(question: str, embedder: dict, limit: int, as_json: bool) -> None:
    """Print the passages for a question, best first: for people, or as JSON."""
    if not question.strip():
        raise UnderstudyError("There is no question: give one in quotation marks.")
    with opened_search(embedder) as opened:
        passages = opened.passages(question, limit=limit)
        terms = set(opened.terms(question))
        languages = opened.languages
    if as_json:
        print(json.dumps([passage.as_record() for passage in passages], ensure_ascii=False, indent=2))
        return
    if not passages:
        log.info(NOTHING_FOUND)
    marks = (BOLD, PLAIN) if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else ("*", "*")
    for number, passage in enumerate(passages, 1):
        print(shown(number, passage, with_marks(passage.text, terms, languages, *marks)))


def shown(number: int, passage: Passage, text: str) -> str:
    """A passage for people: its place, its link, and its words."""
    return f"{number}. {passage.heading()}\n   {passage.link}\n   {text}\n"
