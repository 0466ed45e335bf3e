"""The prompt's frame: the question with the passages that were found for it, written by this alone."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace

from understudy.passages.cutting import plain_line
from understudy.passages.sources import Passage

# Tokens of all passages together. The first token of an answer waits for them: 1.7 s at 424 tokens, 135M on 2 cores.
MOST_TOKENS = 450
# Passages that are looked up for a question, of which those stand before it that fit.
MOST_SOURCES = 8
INTRODUCTION = "Passages from the talks:"
QUESTION = "Question:"
# Models mark turns and roles with signs in these brackets: <|im_end|>, [INST], <s>, <start_of_turn>; or with ###.
BRACKETS = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "【": "(", "】": ")", "`": "'"})
HASHES = re.compile(r"#{2,}")
# What begins a line of the frame, or a turn in models without such signs.
LABELS = re.compile(
    r"(?i)\b(passages? from the talks|question|answer|system|user|assistant|human|model|instruction|response)(\s*):|"
    r"\b(passage)(\s+\d+)"
)
# The parts of a passage that are tried where it doesn't fit.
SHORTER = (0.75, 0.5, 0.3, 0.15)


def framed(question: str, passages: Sequence[Passage]) -> str:
    """The user's message: passages, each one line with its place in front, then the question; without passages the question.

    A passage is a stranger's text: it stays one line, and none of its signs is one that ends a turn or begins a part."""
    if not passages:
        return question
    lines = [
        f"Passage {number} ({harmless(passage.place())}): {harmless(passage.text)}"
        for number, passage in enumerate(passages, 1)
    ]
    return "\n".join([INTRODUCTION, *lines, "", f"{QUESTION} {question}"])


def frame_in_words() -> str:
    """The frame with words in the place of passages, for people who give a model passages in another program."""
    places = (("Title of a talk", "2:06"), ("Title of another talk", "14:30"))
    lines = [
        f"Passage {number} ({title} (2024), {time}): what is said there"
        for number, (title, time) in enumerate(places, 1)
    ]
    return "\n".join([INTRODUCTION, *lines, "", f"{QUESTION} what is asked"])


def question_of(message: str) -> str:
    """The question of a message that `framed` wrote, or the message itself."""
    if not message.startswith(f"{INTRODUCTION}\nPassage 1 ("):
        return message
    return message.partition(f"\n\n{QUESTION} ")[2]


def harmless(text: str) -> str:
    """A stranger's text as one line of the frame."""
    # NFKC: full-width signs are signs, too.
    line = HASHES.sub("#", plain_line(unicodedata.normalize("NFKC", text)).translate(BRACKETS))
    return LABELS.sub(lambda label: f"{label[1] or label[3]},{label[2] or label[4] or ''}", line)


def that_fit(
    passages: Sequence[Passage], count_tokens: Callable[[str], int], most_tokens: int = MOST_TOKENS
) -> list[Passage]:
    """The passages, best first, whose lines have at most `most_tokens` tokens together. One that doesn't fit is left out; of the
    best one the beginning stays."""
    fitting: list[Passage] = []
    for passage in passages:
        tried = [passage] if fitting else [passage, *(shortened(passage, share) for share in SHORTER)]
        fits = (one for one in tried if count_tokens(framed("", [*fitting, one])) <= most_tokens)
        fitting += [found] if (found := next(fits, None)) else []
    return fitting


def shortened(passage: Passage, share: float) -> Passage:
    """The passage's beginning: this share of its characters, to the last space among them, if there is one."""
    text = passage.text[: int(len(passage.text) * share)]
    return replace(passage, text=text.rpartition(" ")[0] or text)
