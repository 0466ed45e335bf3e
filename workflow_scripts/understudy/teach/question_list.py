"""Questions as the teacher model writes them, and as numbered slots; and the pattern that a server which generates by grammar
holds a small model to."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from understudy.shared.errors import InputFileError, UnderstudyError
from understudy.shared.files import read_json
from understudy.teacher.json_reply import QUESTION_MARKS

MOST_TAGS = 2


def slots_of(per_video: int) -> list[str]:
    """The names of a talk's slots: q01, q02 ..."""
    return [f"q{number:02d}" for number in range(1, per_video + 1)]


def tokens_of_questions(count: int) -> int:
    """Tokens that are enough for a reply with so many questions, their tags and the JSON around them."""
    return 60 * count + 100


class UnusableReply(UnderstudyError):
    """The teacher's reply holds no questions."""

    def why(self, finish_reason: str) -> str:
        """What it has in common with other talks' replies."""
        return f"{str(self).split(' (')[0]} (it ended with {finish_reason!r})"


def list_of_questions(said: Any) -> Any:
    """A reply with its list under `questions`, whatever it is in: alone, under other names, one object a question, a map from
    slots, JSON in a string. What can be no question is left out; that there is nothing to ask is said by an empty list under
    `questions`, by no other."""
    is_part_of_a_list = isinstance(said, dict) and isinstance(said.get("question"), str)
    questions = [] if is_part_of_a_list else list(questions_among(said))
    if not questions and said != {"questions": []}:
        raise ValueError("it has no question in it")
    return {"questions": questions}


def questions_among(said: Any, are_several: bool = False) -> Iterator[Any]:
    """The questions in a value, as they are written. A text alone is one only where there are several places for such: a chat
    program that asks something back writes no list."""
    if isinstance(said, str):
        if are_several and is_question(said):
            yield said
        elif said.lstrip()[:1] in ("{", "[") and (inner := parsed(said)) is not None:
            yield from questions_among(inner)
    elif isinstance(said, list):
        for item in said:
            yield from questions_among(item, are_several=True)
    elif isinstance(said, dict):
        named = {name.casefold(): value for name, value in said.items()}
        texts = [value for value in said.values() if is_question(value)]
        if isinstance(named.get("question"), str):
            yield said if "question" in said else {"question": named["question"], "tags": named.get("tags")}
        elif are_several and len(texts) == 1:
            yield {
                "question": texts[0],
                "tags": next((value for value in said.values() if isinstance(value, list)), []),
            }
        else:
            for value in said.values():
                yield from questions_among(value, are_several=len(texts) > 1)


def parsed(text: str) -> Any:
    """The JSON of a text that is some, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def is_question(item: Any) -> bool:
    """Whether something in a reply is the text of a question."""
    return isinstance(item, str) and item.rstrip().endswith(tuple(QUESTION_MARKS))


class Question(BaseModel):
    """One standalone question and its topics."""

    model_config = ConfigDict(extra="forbid")
    question: str
    tags: list[str]

    @model_validator(mode="before")
    @classmethod
    def _without_tags(cls, said: Any) -> Any:
        """A question alone is one, too."""
        if is_question(said):
            return {"question": said, "tags": []}
        if not isinstance(said, dict):
            return said
        tags = said.get("tags") or []
        tags = tags.split(",") if isinstance(tags, str) else tags if isinstance(tags, list) else []
        return {**said, "tags": [tag for tag in tags if isinstance(tag, str)]}


class QuestionList(BaseModel):
    """The reply to pass 1."""

    model_config = ConfigDict(extra="forbid")
    questions: list[Question]

    _unwrapped = model_validator(mode="before")(list_of_questions)


def reply_schema(most: int, openings: list[str] | None = None, least: int = 0) -> dict:
    """The JSON schema of the reply, with at most `most` questions; with `openings`, one for each, which begins with it.

    A talk may answer nothing that anybody would ask. Earlier versions asked for `least` 1, which makes models invent."""
    schema = QuestionList.model_json_schema()
    if openings is None:
        schema["properties"]["questions"] |= ({"minItems": least} if least else {}) | {"maxItems": most}
        return schema
    opened = [opened_question(schema["$defs"]["Question"], opening) for opening in openings[:most]]
    schema["properties"]["questions"] = {
        "type": "array",
        "prefixItems": opened,
        "minItems": len(opened),
        "maxItems": len(opened),
    }
    return schema


def opened_question(question: dict, opening: str) -> dict:
    """The schema of a question that begins with `opening`, with tags of one word."""
    opened = copy.deepcopy(question)
    opened["properties"]["question"]["pattern"] = question_pattern(opening)
    opened["properties"]["tags"] |= {"minItems": 1, "maxItems": MOST_TAGS}
    opened["properties"]["tags"]["items"]["pattern"] = WORD_PATTERN
    return opened


def questions_in(text: str, slots: list[str]) -> list[dict]:
    """Put the questions of a reply into the slots, in order, each once; the rest of the slots stays unused, all of them where the
    list is empty.

    Raises UnusableReply if the text isn't the JSON asked for, or if its questions have no words."""
    try:
        written = QuestionList.model_validate_json(text, extra="ignore").questions
    except ValidationError as error:
        raise UnusableReply(f"it is not the JSON asked for ({error.errors()[0]['msg']})") from None
    distinct: dict[str, Question] = {}
    for item in written:
        wording = " ".join(item.question.split())
        if wording:
            distinct.setdefault(wording.casefold(), item.model_copy(update={"question": wording}))
    if written and not distinct:
        raise UnusableReply("it has no question in it")
    return [
        {"slot": slot, "question": item.question, "tags": tag_names(item.tags)}
        for slot, item in zip(slots, distinct.values(), strict=False)
    ]


def tag_names(tags: list[str]) -> list[str]:
    """Tags in lowercase_with_underscores, each once."""
    names = (re.sub(r"\W+", "_", tag.casefold()).strip("_") for tag in tags)
    return list(dict.fromkeys(name for name in names if name))


def read_questions(path: str | Path, slots: list[str]) -> dict:
    """Read a question file, which a person may have edited.

    Raises InputFileError, naming file and slot of every mistake, if a later stage could not use it."""
    mistakes = mistakes_in(path, slots)
    if mistakes:
        raise InputFileError("\n".join(mistakes))
    return read_json(path)


def mistakes_in(path: str | Path, slots: list[str]) -> list[str]:
    """Return what is wrong in a question file, a line each with the file and the slot; an empty list if nothing is."""
    try:
        record = read_json(path)
    except InputFileError as error:
        return [str(error)]
    if not isinstance(record, dict) or not isinstance(record.get("questions"), list):
        return [f"{path}: it takes an object with a list `questions`."]
    found, seen, asked = [], set(), {}
    for item in record["questions"]:
        slot = item.get("slot") if isinstance(item, dict) else None
        if slot not in slots or slot in seen:
            found.append(f"{path}: slot {slot!r} is twice, or not one of {slots[0]} to {slots[-1]}.")
            continue
        seen.add(slot)
        question = item.get("question")
        if not isinstance(question, str) or not question.strip():
            found.append(f"{path}, slot {slot}: `question` is empty. Write one, or remove the slot.")
        elif (wording := " ".join(question.casefold().split())) in asked:
            found.append(f"{path}, slot {slot}: the question of slot {asked[wording]} again.")
        else:
            asked[wording] = slot
        tags = item.get("tags")
        if not isinstance(tags, list) or not all(isinstance(tag, str) and tag.strip() for tag in tags):
            found.append(f"{path}, slot {slot}: `tags` takes a list of words, which may be empty.")
        elif tags != tag_names(tags):
            found.append(
                f"{path}, slot {slot}: tags are written lowercase_with_underscores, each once: {json.dumps(tag_names(tags))}."
            )
    return found


# Without these a model of 135 million parameters neither ends a question nor keeps to words.
INSIDE_A_SENTENCE = r'[^.!?:;"\\<>{}\[\]()_/*#=|`\n]'
# Lower case, or any letter beyond ASCII.
WORD_PATTERN = r"^[^\n -`{-~]{3,16}$"


def question_pattern(opening: str) -> str:
    """A question of at most some 100 characters that begins with `opening`."""
    return rf"^{re.escape(opening)} {INSIDE_A_SENTENCE}{{10,90}}\?$"
