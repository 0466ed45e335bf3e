"""`answers.form: schema`: an answer as JSON, for models that don't hold a format, and its markdown."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lib.errors import UnderstudyError

# For the server's grammar; a server that ignores patterns is not held to it. A sentence begins with a capital or any
# letter beyond ASCII, and ends at its first full stop that is not between two digits: a model of 135 million
# parameters finds no other end.
INSIDE = r'[^.!?:;"\\<>{}\[\]()_/*#=|`\n]'
SENTENCE = rf"^[^\n -@\[-~]({INSIDE}|[0-9]\.[0-9]){{12,120}}[.!]$"
FEWEST_POINTS = 2


class InvalidAnswer(UnderstudyError):
    """A reply isn't the JSON asked for."""


Sentence = Annotated[str, Field(json_schema_extra={"pattern": SENTENCE})]


class StructuredAnswer(BaseModel):
    """A lead sentence, points, and a closing sentence. The names tell the model what to write, and head the points."""

    model_config = ConfigDict(extra="forbid")
    answer: Sentence
    why: Sentence
    how: Sentence
    avoid: Sentence
    rule_of_thumb: Sentence


def answer_schema() -> dict:
    """The JSON schema of the reply."""
    return StructuredAnswer.model_json_schema()


def answer_markdown(text: str) -> str:
    """Render a reply as markdown: the lead with its key word in bold, a list of points, the closing sentence.

    Raises InvalidAnswer if it isn't the JSON asked for, says nothing, or says one thing in all its points."""
    try:
        written = StructuredAnswer.model_validate_json(text)
    except ValidationError as error:
        raise InvalidAnswer(f"not the JSON asked for ({error.errors()[0]['msg']})") from None
    lead, closing = plain(written.answer), plain(written.rule_of_thumb)
    points = distinct_points({"Why": written.why, "How": written.how, "Avoid": written.avoid}, lead)
    if not lead or not closing or len(points) < FEWEST_POINTS:
        raise InvalidAnswer("a part of it is empty, or its sentences repeat each other")
    lines = [f"- **{term}:** {sentence}" for term, sentence in points.items()]
    return "\n\n".join([with_bold_word(lead), "\n".join(lines), closing])


def distinct_points(points: dict[str, str], lead: str) -> dict[str, str]:
    """The points that have a sentence which neither the lead nor a point before them has."""
    kept: dict[str, str] = {}
    said = {"", lead.casefold()}
    for term, sentence in points.items():
        if plain(sentence).casefold() not in said:
            kept[term] = plain(sentence)
            said.add(plain(sentence).casefold())
    return kept


def with_bold_word(sentence: str) -> str:
    """Put the sentence's longest word in bold."""
    words = list(re.finditer(r"\w+", sentence))
    if not words:
        return sentence
    longest = max(words, key=lambda word: len(word.group()))
    return f"{sentence[: longest.start()]}**{longest.group()}**{sentence[longest.end() :]}"


def plain(text: str) -> str:
    """One line without markdown's marks at its start and without asterisks."""
    return re.sub(r"^[-#>\s]+", "", " ".join(text.split()).replace("*", ""))
