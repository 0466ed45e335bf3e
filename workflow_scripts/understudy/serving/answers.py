"""One question to its answer, as events: sources first, pieces of the answer as they come, its sentences with their places."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from understudy.passages.answers.places import Checked
from understudy.passages.answers.sentences import SentenceStream
from understudy.passages.cutting import plain_line
from understudy.passages.frame import framed
from understudy.passages.gate import NOT_COVERED, SMALL_TALK
from understudy.passages.sources import Passage
from understudy.passages.talks import NOTHING_STRICT
from understudy.serving.engine import CONTEXT_LENGTH, SAMPLING, TOO_LONG, Engine, EngineError
from understudy.serving.talks import AskedTalks, Found
from understudy.shared.safe_markdown import escaped

TUNED, BASE = "tuned", "base"
STOP = "stop"
# Tokens that stay free for what a chat template adds.
MARGIN = 64
# Sentences are sent again, all of them, when so many more have been checked.
GROWTH = 1.1
SMALLEST_QUESTION = 32
# Characters of an answer whose sentences are checked: more than an answer has that may be as long as it is by default.
MOST_CHECKED = 50_000


@dataclass(frozen=True)
class Sources:
    """What stands beside an answer, before its first word."""

    decision: str | None
    passages: tuple[Passage, ...]
    before_nearest: str | None = None


@dataclass(frozen=True)
class Piece:
    text: str
    who: str = TUNED


@dataclass(frozen=True)
class Sentences:
    """All sentences of the tuned answer that are complete."""

    sentences: tuple["PlacedSentence", ...]


@dataclass(frozen=True)
class Ended:
    """`finish_reason` is `stop` or `length`; `usage` what the engine says that it took."""

    finish_reason: str
    usage: dict | None


Event = Sources | Piece | Sentences | Ended


@dataclass(frozen=True)
class PlacedSentence:
    """A sentence with where it stands in the answer, in UTF-16 code units, as browsers count."""

    start: int
    end: int
    checked: Checked

    def as_record(self) -> dict:
        """As it goes to clients."""
        place = self.checked.place
        return {
            "start": self.start,
            "end": self.end,
            "claims": self.checked.claims,
            "place": place
            and {name: source_record(place)[name] for name in ("heading", "link", "href", "start_s", "text")},
            "marks": [{"kind": mark.kind, "text": mark.text} for mark in self.checked.marks],
        }


def source_record(passage: Passage, number: int = 0) -> dict[str, Any]:
    """A passage as it goes to clients. `href` is an address made of the video's id, None for a local file."""
    return {
        "number": number,
        "heading": plain_line(passage.heading()),
        "title": plain_line(passage.title),
        "link": passage.link,
        "href": passage.link if passage.link.startswith("https://") else None,
        "start_s": passage.start_s,
        "end_s": passage.end_s,
        "text": passage.text,
    }


def source_records(passages: Sequence[Passage]) -> list[dict[str, Any]]:
    """Numbered as in the prompt."""
    return [source_record(passage, number) for number, passage in enumerate(passages, 1)]


@dataclass
class Writing:
    """An answer so far, and its sentences."""

    text: str = ""
    stream: SentenceStream = field(default_factory=SentenceStream)
    placed: list[PlacedSentence] = field(default_factory=list)
    sent: int = 0
    # Behind the last sentence: in characters, and in UTF-16 code units.
    at: int = 0
    units: int = 0

    def feed(self, piece: str) -> list[str]:
        """Add a piece; return the sentences that are complete with it. Behind MOST_CHECKED characters none is looked for."""
        piece = piece[: MOST_CHECKED - len(self.text)]
        self.text += piece
        return self.stream.feed(piece) if piece else []

    def place(self, sentence: str, checked: Checked) -> None:
        """Note a sentence that comes behind those noted before."""
        start = self.text.find(sentence, self.at)
        if start < 0:
            return
        first = self.units + utf16_length(self.text[self.at : start])
        self.at, self.units = start + len(sentence), first + utf16_length(sentence)
        self.placed.append(PlacedSentence(first, self.units, checked))

    def worth_sending(self) -> bool:
        return len(self.placed) >= max(self.sent * GROWTH, self.sent + 1)

    def as_event(self) -> Sentences:
        self.sent = len(self.placed)
        return Sentences(tuple(self.placed))


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(frozen=True)
class Answers:
    """What answers: the talks, and the engine of the tuned model, None where answers are strict."""

    talks: AskedTalks
    engine: Engine | None

    async def events(
        self, question: str, earlier: Sequence[dict], options: dict[str, Any], base: Engine | None = None
    ) -> AsyncGenerator[Event, None]:
        """Answer a question that follows `earlier` messages. `options` are a request's own; `base` is asked after the tuned
        model, with the same passages.

        Raises EngineError, IndexFault where answers are strict and the index can't be read."""
        before = next((message["content"] for message in reversed(earlier) if message["role"] == "user"), None)
        await self._check_room(question, earlier)
        found = await self.talks.found(question, before)
        yield Sources(found.decision, found.passages, found.before_nearest)
        if found.decision == NOT_COVERED:
            yield Piece(found.instead)
            yield Ended(STOP, None)
        elif found.strict is not None:
            for event in strict_events(found):
                yield event
        else:
            messages = await self.fitting(earlier, framed(question, found.passages), options)
            async with aclosing(self._from_model(messages, options, found)) as events:
                async for event in events:
                    yield event
            if base is not None:
                async with aclosing(base.answer(messages, options)) as parts:
                    async for part in parts:
                        if part.text:
                            yield Piece(part.text, BASE)

    async def alone(self, messages: Sequence[dict], options: dict[str, Any]) -> AsyncGenerator[Event, None]:
        """The model's own answer, without the talks. Raises EngineError."""
        if self.engine is None:
            raise EngineError("Answers are the talks' own sentences (answering.strict): there is no model to ask.", 400)
        reason, usage = STOP, None
        async with aclosing(self.engine.answer(list(messages), options)) as parts:
            async for part in parts:
                reason, usage = part.finish_reason or reason, part.usage or usage
                if part.text:
                    yield Piece(part.text)
        yield Ended(reason, usage)

    async def fitting(self, earlier: Sequence[dict], message: str, options: dict[str, Any]) -> list[dict]:
        """The messages with the last one, without the oldest of those that don't fit; what the system is told stays."""
        told = [one for one in earlier if one["role"] == "system"]
        turns = [one for one in earlier if one["role"] != "system"]
        asked = options.get("max_tokens") or options.get("max_completion_tokens") or SAMPLING["max_tokens"]
        room = CONTEXT_LENGTH - min(asked, SAMPLING["max_tokens"]) - MARGIN
        fixed = [message, *(one["content"] for one in told)]
        room -= sum(await self.talks.count(fixed, CONTEXT_LENGTH * SMALLEST_QUESTION))
        counts = await self.talks.count([one["content"] for one in reversed(turns)], room) if room > 0 else []
        kept = turns[len(turns) - len(counts) :]
        while kept and kept[0]["role"] != "user":
            kept = kept[1:]
        return [*told, *kept, {"role": "user", "content": message}]

    async def _check_room(self, question: str, earlier: Sequence[dict]) -> None:
        """Raise EngineError, before anything is searched, for a question that llama.cpp's context can't hold beside what the
        system is told. Another engine knows its own context."""
        if self.engine is None or not self.engine.is_ours:
            return
        texts = [question, *(one["content"] for one in earlier if one["role"] == "system")]
        # No text has more tokens than bytes, so only a long one is counted before its first source.
        if sum(len(text.encode("utf-8", "replace")) for text in texts) <= CONTEXT_LENGTH - MARGIN:
            return
        if len(await self.talks.count(texts, CONTEXT_LENGTH - MARGIN)) < len(texts):
            raise EngineError(
                f"The question is too long: it has room, with its answer, in {CONTEXT_LENGTH} tokens, which are fewer words.",
                400,
                TOO_LONG,
            )

    async def _from_model(
        self, messages: list[dict], options: dict[str, Any], found: Found
    ) -> AsyncGenerator[Event, None]:
        writing = Writing()
        async with aclosing(self.alone(messages, options)) as events:
            async for event in events:
                complete = []
                if isinstance(event, Piece):
                    yield event
                    complete = writing.feed(event.text)
                elif isinstance(event, Ended):
                    complete = writing.stream.end()
                if found.decision != SMALL_TALK:
                    for sentence in complete:
                        checked = await self.talks.checked(sentence, found.passages)
                        if checked is not None:
                            writing.place(sentence, checked)
                is_last = isinstance(event, Ended)
                if writing.worth_sending() or (is_last and len(writing.placed) > writing.sent):
                    yield writing.as_event()
                if is_last:
                    yield event


def strict_events(found: Found) -> list[Event]:
    """A strict answer: the talks' own sentences, shown as they are written there, each with its place."""
    if not found.strict:
        return [Piece(NOTHING_STRICT), Ended(STOP, None)]
    writing = Writing()
    writing.text = " ".join(escaped(sentence) for sentence, _ in found.strict)
    for sentence, place in found.strict:
        writing.place(escaped(sentence), Checked(sentence, True, place, ()))
    return [Piece(writing.text), writing.as_event(), Ended(STOP, None)]
