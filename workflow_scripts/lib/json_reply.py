"""JSON from servers that don't generate by a schema: asked for in words, and found in what they write around it."""

import json

IN_WORDS = """Reply with one JSON object and nothing else, no code fence and no remarks. It keeps to this JSON schema:

{schema}"""


def with_schema_in_words(messages: list[dict], schema: dict) -> list[dict]:
    """Return the messages with the schema described at the end of the last one, so that they open as they did."""
    words = IN_WORDS.format(schema=json.dumps(schema, ensure_ascii=False))
    return [*messages[:-1], {**messages[-1], "content": f"{messages[-1]['content']}\n\n{words}"}]


def json_in(text: str) -> str:
    """Return the first JSON object in a text with a code fence, reasoning or remarks around it; without one, the text."""
    decoder = json.JSONDecoder()
    place = text.find("{")
    while place >= 0:
        try:
            _, end = decoder.raw_decode(text, place)
            return text[place:end]
        except (json.JSONDecodeError, RecursionError):
            place = text.find("{", place + 1)
    return text
