"""What a server was found to take or to refuse, once for each server and model, and remembered in data/teacher/; and JSON from
those that don't generate by a schema."""

import hashlib
import json
from pathlib import Path
from threading import Lock

from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, write_json
from understudy.shared.log import log

FOLDER = Path("data/teacher")
# From this share of a prompt on, it counts as cached.
WARM = 0.3
# From the strictest to the loosest way of asking for JSON. The reply is checked here in any case.
RUNGS = ("json_schema", "json_object", "prompt")


class ServerHabits:
    """The parameters that a server refuses for a model, how it names the token limit, and how it can be asked for JSON."""

    def __init__(self, base_url: str, model: str, folder: Path = FOLDER):
        name = hashlib.sha256(f"{base_url}\n{model}".encode()).hexdigest()[:16]
        self._path = folder / f"{name}.json"
        self._lock = Lock()
        self._known = {
            "base_url": base_url,
            "model": model,
            "token_limit": "max_tokens",
            "refuses": [],
            "rung": None,
            "first_alone": True,
            "most_read": [0, 0],
        }
        self._known |= self._kept()

    def _kept(self) -> dict:
        """What is in the file, which other jobs write to, too."""
        try:
            return read_json(self._path)
        except InputFileError:
            if self._path.exists():
                log.warning("%s is damaged, and is written anew.", self._path)
            return {}

    @property
    def token_limit(self) -> str:
        """The name of the parameter that limits a reply: max_tokens, or max_completion_tokens."""
        return self._known["token_limit"]

    @property
    def refuses(self) -> list[str]:
        """The parameters that are not sent because the server refused them."""
        return self._known["refuses"]

    @property
    def rung(self) -> str | None:
        """How the server is asked for JSON, or None before that is decided."""
        return self._known["rung"]

    @property
    def first_alone(self) -> bool:
        """Whether it pays to send a talk's first answer alone, so that the others find the transcript in the server's cache."""
        return self._known["first_alone"]

    @property
    def most_read(self) -> tuple[int, int]:
        """Tokens and characters of the prompt of which the server has read most."""
        tokens, characters = self._known["most_read"]
        return tokens, characters

    def learn_from_read(self, tokens: int, characters: int) -> None:
        """Learn how many tokens of a prompt were read."""
        if tokens > self.most_read[0]:
            self.remember(most_read=[tokens, characters])

    def learn_from_cached_shares(self, shares: list[float]) -> None:
        """Learn from the answers of one talk, of which the first was sent alone: the cached share of each prompt.

        Where the first was cached, too, pass 1 has warmed the cache; where none was, there is none, or it is not told."""
        if len(shares) > 1:
            self.remember(first_alone=shares[0] < WARM <= max(shares[1:]))

    def remember(self, **found) -> None:
        """Keep a finding: token_limit, rung, first_alone, most_read, or refuses, whose new entries are added."""
        with self._lock:
            if "refuses" in found:
                found["refuses"] = sorted({*self.refuses, *found["refuses"]})
            if all(self._known[key] == value for key, value in found.items()):
                return
            self._known |= self._kept() | found
            write_json(self._path, self._known)


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
        except (ValueError, RecursionError):
            place = text.find("{", place + 1)
    return text
