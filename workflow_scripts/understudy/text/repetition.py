"""How much answers repeat themselves, and those that never end or say nothing."""

import zlib

from understudy.text.markdown import AnswerMarkdown
from understudy.text.words import repeated_share, word_groups, words_of

# A text of which less is left than one part in 2.4 is a loop: the threshold of Whisper's decoder (Radford et al. 2022, arXiv
# 2212.04356, section 4.5). It also sees loops without words, such as dashes.
MOST_COMPRESSED = 2.4


def answer_flaws(answer: str, finish_reason: str, most_repeated: float) -> dict[str, bool]:
    """Return whether an answer is `empty` (no word), `endless` (cut off by the token limit), and `repetitive`: more than
    `most_repeated` of its runs of four words came before, or it compresses like a loop."""
    words = words_of(AnswerMarkdown(answer).visible_text())
    return {
        "empty": not words,
        "endless": finish_reason == "length",
        "repetitive": repeated_share(words) > most_repeated or compression_ratio(answer) > MOST_COMPRESSED,
    }


def compression_ratio(text: str) -> float:
    """How many times shorter zlib makes the text's UTF-8 bytes."""
    raw = text.encode("utf-8", "replace")
    return len(raw) / len(zlib.compress(raw))


def distinct_share(answers: list[str], size: int) -> float:
    """The share of different ones among all runs of `size` words of all answers: distinct-n of Li et al. 2016 (arXiv 1510.03055).

    Longer answers have a lower share, so compare like with like. 0.0 without any run."""
    groups = [group for answer in answers for group in word_groups(words_of(answer), size)]
    return len(set(groups)) / len(groups) if groups else 0.0


def longest_repeat_share(words: list[str]) -> float:
    """How long the longest run of words is that occurs twice, as a share of all words; near 1.0 in a loop."""
    shortest, longest = 0, len(words) - 1
    # What repeats at some length repeats at all shorter ones.
    while shortest < longest:
        middle = (shortest + longest + 1) // 2
        groups = word_groups(words, middle)
        shortest, longest = (middle, longest) if len(set(groups)) < len(groups) else (shortest, middle - 1)
    return shortest / len(words) if words else 0.0
