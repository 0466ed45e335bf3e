"""A talk's own sentences, for a teacher model too small to write any: it chooses, and the JSON schema holds it to them."""

import re
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

from understudy.shared.log import log

POINTS = 3
CANDIDATES = 6
FEWEST_WORDS, MOST_WORDS = 5, 16
FEWEST_SENTENCES = (POINTS + 1) * CANDIDATES


class Quotes(NamedTuple):
    """Candidates for the parts of an answer, as the talk has them."""

    leads: list[str]
    points: list[list[str]]
    closings: list[str]


def warn_of_too_few_sentences(transcript: dict) -> None:
    """Say that a talk has too few sentences to choose from, so that a teacher that can't write any writes them all the same."""
    if quotes_for("", transcript["text"]) is None:
        log.warning(
            "Warning: %s (%s) has fewer than %d sentences of %d to %d words with a full stop, so answers.quote finds nothing to "
            "choose from, and its answers are written freely. Longer talks, full stops or a larger teacher mend it.",
            transcript["video_id"],
            transcript["title"],
            FEWEST_SENTENCES,
            FEWEST_WORDS,
            MOST_WORDS,
        )


def quotes_for(question: str, text: str) -> Quotes | None:
    """Return the sentences of a talk nearest to a question: for the lead from all of it, for each point from its own
    stretch of the talk, so that no two can be the same, and for the closing from its end.

    None if the talk is too short, or has no sentences because its captions have no full stops."""
    sentences = sentences_of(text)
    if len(sentences) < FEWEST_SENTENCES:
        return None
    body, closings = sentences[:-CANDIDATES], sentences[-CANDIDATES:]
    nearness = nearness_to(question, sentences)
    leads = nearest(body, nearness)
    left = [sentence for sentence in body if sentence not in leads]
    bounds = [len(left) * part // POINTS for part in range(POINTS + 1)]
    stretches = [left[begin:end] for begin, end in pairwise(bounds)]
    return Quotes(leads, [nearest(stretch, nearness) for stretch in stretches], closings)


def sentences_of(text: str) -> list[str]:
    """The statements of a text, each once, that are neither too short nor too long to stand alone."""
    split = (sentence.strip() for sentence in re.split(r"(?<=[.!?])\s+", text))
    fitting = (s for s in split if FEWEST_WORDS <= len(s.split()) <= MOST_WORDS and s.endswith((".", "!")))
    return list(dict.fromkeys(fitting))


def nearness_to(question: str, sentences: list[str]) -> dict[str, float]:
    """For each sentence, the words that it shares with the question, a rare one counting more (1 / sentences with it)."""
    words = {sentence: stems_of(sentence) for sentence in sentences}
    frequency = Counter(word for stems in words.values() for word in stems)
    asked = stems_of(question)
    return {sentence: sum(1 / frequency[word] for word in stems & asked) for sentence, stems in words.items()}


def stems_of(text: str) -> set[str]:
    """The beginnings of a text's longer words, so that `slug` and `slugs` are one."""
    return {word[:5] for word in re.findall(r"\w+", text.casefold()) if len(word) > 3}


def nearest(sentences: list[str], nearness: dict[str, float]) -> list[str]:
    return sorted(sentences, key=lambda sentence: -nearness[sentence])[:CANDIDATES]
