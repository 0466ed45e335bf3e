"""The JSON in a reply that is nearly right: with words around it, with small mistakes, or a list in place of JSON."""

import json
import re
from collections.abc import Callable, Iterator

import json_repair

MOST_STARTS = 200
# 1. / (1) / **1.** / a) / Q1: / ### Question 1: / - / question:
LIST_ITEM = re.compile(
    r"^[ \t#>*_]*(?:(?:[a-z]{1,12}[ \t]*)?[(\[]?(?:\d{1,3}|\b[a-z])[.):\]]+|(?:[-*•–][ \t]*)?question:|[-*•–])[*_]*[ \t]+(.+)$",
    re.MULTILINE | re.IGNORECASE,
)
# A row of a table, and an element, hold an item each.
CELL = re.compile(r"\||</?question>", re.IGNORECASE)
MARKS_AROUND = " *_\"'`“”„«»"
QUESTION_MARKS = "?？؟"


def fitting_json(text: str, is_whole: bool, fits: Callable[[str], bool]) -> str | None:
    """Return the JSON of a reply that fits, or None: the reply as it is, the last value in it, or if the reply `is_whole`, what
    can be repaired. A reply that was cut off is repaired by nobody: its end is not known."""
    if fits(text):
        return text
    values = list(json_values(text))
    found = next(filter(fits, reversed(values)), None)
    if found is None and without_gaps(text) == without_gaps("".join(values)) and fits(f"[{','.join(values)}]"):
        # One object a line, or one alone, and nothing else.
        found = f"[{','.join(values)}]"
    if found is not None or not is_whole:
        return found
    try:
        repaired = json.dumps(json_repair.loads(text, skip_json_loads=True), ensure_ascii=False)
    except (ValueError, RecursionError, TypeError):
        return None
    return repaired if fits(repaired) else None


def without_gaps(text: str) -> str:
    return re.sub(r"[\s,]", "", text)


def json_values(text: str) -> Iterator[str]:
    """The objects and arrays in a text, in their order, each as it is written."""
    decoder = json.JSONDecoder()
    end = starts = 0
    for begin in re.finditer(r"[{\[]", text):
        if begin.start() < end:
            continue
        starts += 1
        if starts > MOST_STARTS:
            return
        try:
            _, end = decoder.raw_decode(text, begin.start())
            yield text[begin.start() : end]
        except (ValueError, RecursionError):
            continue


def listed_questions(text: str) -> str | None:
    """The questions of a list that is no JSON, one a line, as a JSON array of strings; None where there are none: words that ask
    nothing don't say that there is nothing to ask, and a single question without a mark of a list is asked back."""
    text = CELL.sub("\n- ", text)
    questions = [question for item in LIST_ITEM.findall(text) if (question := up_to_its_mark(item))]
    lines = [line for line in text.splitlines() if line.strip()]
    if (
        not questions
        and len(lines) > 1
        and all(line.rstrip(MARKS_AROUND).endswith(tuple(QUESTION_MARKS)) for line in lines)
    ):
        questions = list(map(up_to_its_mark, lines))
    return json.dumps(questions, ensure_ascii=False) if questions else None


def up_to_its_mark(item: str) -> str:
    """An item up to its last question mark, without marks around it; nothing where it asks nothing."""
    return item[: max(map(item.rfind, QUESTION_MARKS)) + 1].strip(MARKS_AROUND)
