"""`answers.form: schema`: an answer as JSON, for models that don't hold a format, and its markdown."""

import re

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lib.errors import UnderstudyError


class InvalidAnswer(UnderstudyError):
    """A reply isn't the JSON asked for."""


class Point(BaseModel):
    """One thing to know or to do."""

    model_config = ConfigDict(extra="forbid")
    term: str
    sentence: str


class StructuredAnswer(BaseModel):
    """A lead sentence with its key term, points, and a closing sentence."""

    model_config = ConfigDict(extra="forbid")
    key_term: str
    lead: str
    points: list[Point] = Field(min_length=2, max_length=4)
    closing: str


def answer_schema() -> dict:
    """The JSON schema of the reply."""
    return StructuredAnswer.model_json_schema()


def answer_markdown(text: str) -> str:
    """Render a reply as markdown: the lead with its key term in bold, a list of points, the closing sentence.

    Raises InvalidAnswer if it isn't the JSON asked for, or says nothing."""
    try:
        answer = StructuredAnswer.model_validate_json(text)
    except ValidationError as error:
        raise InvalidAnswer(f"not the JSON asked for ({error.errors()[0]['msg']})") from None
    points = [f"- **{plain(point.term).rstrip(':.')}:** {plain(point.sentence)}" for point in answer.points]
    lead = with_bold_term(plain(answer.lead), plain(answer.key_term))
    blocks = [lead, "\n".join(points), plain(answer.closing)]
    if not all(blocks):
        raise InvalidAnswer("a part of it is empty")
    return "\n\n".join(blocks)


def with_bold_term(sentence: str, term: str) -> str:
    """Put the term in bold where the sentence has it first."""
    place = re.search(re.escape(term), sentence, re.IGNORECASE) if term else None
    return f"{sentence[: place.start()]}**{place.group()}**{sentence[place.end() :]}" if place else sentence


def plain(text: str) -> str:
    """One line without markdown's marks at its start and without asterisks."""
    return re.sub(r"^[-#>\s]+", "", " ".join(text.split()).replace("*", ""))
