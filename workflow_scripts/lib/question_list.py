"""Questions as the teacher model writes them, and as numbered slots."""

import re

from pydantic import BaseModel, ConfigDict, ValidationError

from lib.errors import InputFileError, UnderstudyError
from lib.files import read_json


# For the server's grammar only, in any script: it keeps a small model from markup and from going on for ever.
QUESTION = r'^[^ a-z"\\<>{}\[\]?\n][^"\\<>{}\[\]?？؟\n]{8,200}[?？؟]$'
TAG = r'^[^"\\<>{}\[\]?.,:\n]{2,30}$'
MOST_TAGS = 5


class UnusableReply(UnderstudyError):
    """The teacher's reply holds no questions."""


class Question(BaseModel):
    """One standalone question and its topics."""

    model_config = ConfigDict(extra="forbid")
    question: str
    tags: list[str]


class QuestionList(BaseModel):
    """The reply to pass 1."""

    model_config = ConfigDict(extra="forbid")
    questions: list[Question]


def reply_schema(most: int) -> dict:
    """The JSON schema of the reply, with at most `most` questions, every key required."""
    schema = QuestionList.model_json_schema()
    schema["properties"]["questions"] |= {"minItems": 1, "maxItems": most}
    written = schema["$defs"]["Question"]["properties"]
    written["question"]["pattern"] = QUESTION
    written["tags"] |= {"minItems": 1, "maxItems": MOST_TAGS}
    written["tags"]["items"]["pattern"] = TAG
    return schema


def questions_in(text: str, slots: list[str]) -> list[dict]:
    """Put the questions of a reply into the slots, in order, each once; the rest of the slots stays unused.

    Raises UnusableReply if the text isn't the JSON asked for, or has no question in it."""
    try:
        written = QuestionList.model_validate_json(text).questions
    except ValidationError as error:
        raise UnusableReply(f"it is not the JSON asked for ({error.errors()[0]['msg']})") from None
    distinct: dict[str, Question] = {}
    for item in written:
        wording = " ".join(item.question.split())
        if wording:
            distinct.setdefault(wording.casefold(), item.model_copy(update={"question": wording}))
    if not distinct:
        raise UnusableReply("it has no question in it")
    return [
        {"slot": slot, "question": item.question, "tags": [tag for tag in map(tag_name, item.tags) if tag]}
        for slot, item in zip(slots, distinct.values(), strict=False)
    ]


def tag_name(text: str) -> str:
    """A tag in lowercase_with_underscores."""
    return re.sub(r"\W+", "_", text.casefold()).strip("_")


def read_questions(path: str, slots: list[str]) -> dict:
    """Read a question file, which a person may have edited.

    Raises InputFileError, naming file and slot, if a later stage could not use it."""
    record = read_json(path)
    if not isinstance(record, dict) or not isinstance(record.get("questions"), list):
        raise InputFileError(f"{path}: it takes an object with a list `questions`.")
    seen = set()
    for item in record["questions"]:
        slot = item.get("slot") if isinstance(item, dict) else None
        if slot not in slots or slot in seen:
            raise InputFileError(f"{path}: slot {slot!r} is twice, or not one of {slots[0]} to {slots[-1]}.")
        if not isinstance(item.get("question"), str) or not item["question"].strip():
            raise InputFileError(f"{path}, slot {slot}: `question` is empty. Write one, or remove the slot.")
        if not isinstance(item.get("tags"), list):
            raise InputFileError(f"{path}, slot {slot}: `tags` takes a list, which may be empty.")
        seen.add(slot)
    return record
