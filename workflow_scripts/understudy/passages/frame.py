"""The prompt's frame: the question with the passages that were found for it, written by this alone."""

import re
from collections.abc import Callable, Sequence

from understudy.passages.cutting import plain_line
from understudy.passages.sources import Passage

# Tokens of all passages together. The first token of an answer waits for them: 1.7 s at 424 tokens, 135M on 2 cores.
MOST_TOKENS = 450
INTRODUCTION = "Passages from the talks:"
QUESTION = "Question:"
# Models mark turns and roles with signs in these brackets: <|im_end|>, [INST], <s>, <start_of_turn>.
BRACKETS = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "｜": "|", "`": "'"})
# What begins a line of the frame, or a turn in models without such signs.
LABELS = re.compile(r"(?i)\b(passages? from the talks|passage \d+|question|system|user|assistant|human)\s*:")


def framed(question: str, passages: Sequence[Passage]) -> str:
    """The user's message: passages, each one line with its place in front, then the question; without passages the question.

    A passage is a stranger's text: it stays one line, and none of its signs is one that ends a turn or begins a part."""
    if not passages:
        return question
    lines = [
        f"Passage {number} ({harmless(passage.heading())}): {harmless(passage.text)}"
        for number, passage in enumerate(passages, 1)
    ]
    return "\n".join([INTRODUCTION, *lines, "", f"{QUESTION} {question}"])


def harmless(text: str) -> str:
    """A stranger's text as one line of the frame."""
    return LABELS.sub(lambda label: f"{label[1]},", plain_line(text).translate(BRACKETS))


def that_fit(
    passages: Sequence[Passage], count_tokens: Callable[[str], int], most_tokens: int = MOST_TOKENS
) -> list[Passage]:
    """The first passages whose lines have at most `most_tokens` tokens together."""
    fitting: list[Passage] = []
    for passage in passages:
        if count_tokens(framed("", [*fitting, passage])) > most_tokens:
            break
        fitting.append(passage)
    return fitting
