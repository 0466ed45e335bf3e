"""`answers.form: schema`: an answer as JSON, for models that don't hold a format, and its markdown."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from understudy.shared.errors import UnderstudyError
from understudy.teach.quotes import Quotes

FEWEST_POINTS, MOST_POINTS = 2, 4


class InvalidAnswer(UnderstudyError):
    """A reply isn't the JSON asked for."""


class Point(BaseModel):
    """One thing to know or to do."""

    model_config = ConfigDict(extra="forbid")
    term: str = ""
    sentence: str

    @model_validator(mode="before")
    @classmethod
    def _without_term(cls, said: Any) -> Any:
        """A sentence alone is a point, too, and so is one under another name."""
        if isinstance(said, str):
            return {"sentence": said}
        if isinstance(said, dict) and "sentence" not in said:
            others = [name for name, value in said.items() if name != "term" and isinstance(value, str)]
            return {**said, "sentence": said[others[0]]} if len(others) == 1 else said
        return said


class StructuredAnswer(BaseModel):
    """A lead sentence, points, and a closing sentence."""

    model_config = ConfigDict(extra="forbid")
    lead: str
    points: list[Point]
    closing: str


def answer_schema(quotes: Quotes | None = None) -> dict:
    """The JSON schema of the reply; with `quotes`, each sentence is one of a talk's own, and the points need no term."""
    schema = StructuredAnswer.model_json_schema()
    parts = schema["properties"]
    if quotes is None:
        schema["$defs"]["Point"]["required"] = ["term", "sentence"]
        # Strict servers take no defaults.
        del schema["$defs"]["Point"]["properties"]["term"]["default"]
        parts["points"] |= {"minItems": FEWEST_POINTS, "maxItems": MOST_POINTS}
        return schema
    parts["lead"]["enum"], parts["closing"]["enum"] = quotes.leads, quotes.closings
    points = [quoted_point(candidates) for candidates in quotes.points]
    parts["points"] = {"type": "array", "prefixItems": points, "minItems": len(points), "maxItems": len(points)}
    return schema


def quoted_point(candidates: list[str]) -> dict:
    """The schema of a point that is one of the candidates."""
    sentence = {"type": "string", "enum": candidates}
    return {
        "type": "object",
        "properties": {"sentence": sentence},
        "required": ["sentence"],
        "additionalProperties": False,
    }


def answer_markdown(text: str, question: str) -> str:
    """Render a reply as markdown: the lead with a word in bold, a list of points, the closing sentence.

    Raises InvalidAnswer if it isn't the JSON asked for, says nothing, or says one thing in all its points."""
    try:
        answer = StructuredAnswer.model_validate_json(text, extra="ignore")
    except ValidationError as error:
        raise InvalidAnswer(f"not the JSON asked for ({error.errors()[0]['msg']})") from None
    lead, closing = plain(answer.lead), plain(answer.closing)
    points = distinct_points(answer.points, lead)
    if not lead or not closing or len(points) < FEWEST_POINTS:
        raise InvalidAnswer("a part of it is empty, or its sentences repeat each other")
    lines = [f"- **{term}:** {sentence}" for term, sentence in points.items()]
    return "\n\n".join([with_bold_word(lead, question), "\n".join(lines), closing])


def distinct_points(points: list[Point], lead: str) -> dict[str, str]:
    """Sentences by term, without those that are empty or were said before; a point without a term gets its longest word."""
    kept: dict[str, str] = {}
    said = {"", lead.casefold()}
    for point in points:
        sentence = plain(point.sentence)
        term = (
            plain(point.term).rstrip(":.") or longest_word(sentence, {known.casefold() for known in kept}).capitalize()
        )
        if term and term not in kept and sentence.casefold() not in said:
            kept[term] = sentence
            said.add(sentence.casefold())
    return kept


def with_bold_word(sentence: str, question: str) -> str:
    """Put in bold the sentence's longest word that the question has, too, or else its longest word."""
    asked = set(re.findall(r"\w+", question.casefold()))
    shared = " ".join(word for word in re.findall(r"\w+", sentence) if word.casefold() in asked and len(word) > 3)
    word = longest_word(shared) or longest_word(sentence)
    return re.sub(rf"\b{re.escape(word)}\b", f"**{word}**", sentence, count=1) if word else sentence


def longest_word(text: str, but: set[str] = frozenset()) -> str:
    """The first of the longest words of a text that isn't one of `but` (in lower case), or nothing."""
    return max((word for word in re.findall(r"\w+", text) if word.casefold() not in but), key=len, default="")


def plain(text: str) -> str:
    """One line without markdown's marks at its start and without asterisks."""
    return re.sub(r"^[-#>\s]+", "", " ".join(text.split()).replace("*", ""))
