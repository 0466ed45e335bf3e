"""`answers.form: schema`: an answer as JSON, for models that don't hold a format, and its markdown."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lib.errors import UnderstudyError

# For the server's grammar only: a model of 135 million parameters ends a sentence no other way. Servers that ignore
# patterns are not held to them. A full stop is the end unless it stands between two digits.
LETTER = r'[^.!?:"\\<>{}\[\]_。！？\n]'
SENTENCE = rf'^[^ a-z.!?:"\\<>{{}}\[\]_。！？\n]({LETTER}|[0-9]\.[0-9]){{12,120}}[.!。！]$'
TERM = r'^[^ a-z.!?:"\\<>{}\[\]_,;0-9\n][^ .!?:"\\<>{}\[\]_,;0-9\n]{1,19}$'
FEWEST_POINTS = 2


class InvalidAnswer(UnderstudyError):
    """A reply isn't the JSON asked for."""


Sentence = Annotated[str, Field(json_schema_extra={"pattern": SENTENCE})]
Term = Annotated[str, Field(json_schema_extra={"pattern": TERM})]


class Tip(BaseModel):
    """One thing to know or to do."""

    model_config = ConfigDict(extra="forbid")
    topic: Term
    tip: Sentence


class StructuredAnswer(BaseModel):
    """The answer in one sentence with its key word, tips, and a rule of thumb; the names tell a small model what to write."""

    model_config = ConfigDict(extra="forbid")
    answer: Sentence
    key_word: Term
    tips: list[Tip] = Field(min_length=FEWEST_POINTS, json_schema_extra={"minItems": 3, "maxItems": 3})
    rule_of_thumb: Sentence


def answer_schema() -> dict:
    """The JSON schema of the reply."""
    return StructuredAnswer.model_json_schema()


def answer_markdown(text: str) -> str:
    """Render a reply as markdown: the lead with its key word in bold, a list of points, the closing sentence.

    Raises InvalidAnswer if it isn't the JSON asked for, says nothing, or says one thing in all its points."""
    try:
        answer = StructuredAnswer.model_validate_json(text)
    except ValidationError as error:
        raise InvalidAnswer(f"not the JSON asked for ({error.errors()[0]['msg']})") from None
    lead, closing = plain(answer.answer), plain(answer.rule_of_thumb)
    points = distinct_points(answer.tips, lead)
    if not lead or not closing or len(points) < FEWEST_POINTS:
        raise InvalidAnswer("a part of it is empty, or its points repeat each other")
    lead = with_bold_term(lead, [plain(answer.key_word), *points])
    points_list = "\n".join(f"- **{topic}:** {sentence}" for topic, sentence in points.items())
    return "\n\n".join([lead, points_list, closing])


def distinct_points(tips: list[Tip], lead: str) -> dict[str, str]:
    """Sentences by topic, without an empty one, a topic that is named twice, or a sentence that was said before."""
    points: dict[str, str] = {}
    said = {lead.casefold()}
    for tip in tips:
        topic, sentence = plain(tip.topic).rstrip(":."), plain(tip.tip)
        named = topic.casefold() in (known.casefold() for known in points)
        if topic and sentence and not named and sentence.casefold() not in said:
            points[topic] = sentence
            said.add(sentence.casefold())
    return points


def with_bold_term(sentence: str, terms: list[str]) -> str:
    """Put the first of the terms that the sentence has in bold, or else its longest word."""
    terms = [*terms, max(re.findall(r"\w+", sentence), key=len, default="")]
    places = (re.search(rf"\b{re.escape(term)}\b", sentence, re.IGNORECASE) for term in terms if term)
    place = next(filter(None, places), None)
    return f"{sentence[: place.start()]}**{place.group()}**{sentence[place.end() :]}" if place else sentence


def plain(text: str) -> str:
    """One line without markdown's marks at its start and without asterisks."""
    return re.sub(r"^[-#>\s]+", "", " ".join(text.split()).replace("*", ""))
