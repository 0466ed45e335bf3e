"""Search the talks: understudy search "..." """

import json
import os
import sys

from understudy.passages.sources import Passage, with_marks
from understudy.passages.talks import opened_search
from understudy.shared.errors import UnderstudyError
from understudy.shared.log import log

NOTHING_FOUND = (
    "No passage of the talks is found: other words may be. Words such as `the` and `what` are not searched for."
)
BOLD, PLAIN = "\033[1m", "\033[0m"


def search(question: str, embedder: dict, limit: int, as_json: bool) -> None:
    """Print the passages for a question, best first: for people, or as JSON."""
    if not question.strip():
        raise UnderstudyError("There is no question: give one in quotation marks.")
    with opened_search(embedder) as opened:
        passages = opened.passages(question, limit=limit, with_others=True)
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
