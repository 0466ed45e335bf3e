"""Words of any language, the runs that two texts share, and how much a text repeats itself."""

import re
from collections import Counter

# Chinese, Japanese and Thai have no spaces: there each character counts as a word.
WORD = re.compile(
    r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]+(?:['’][^\W_]+)*"
)
SEED_WORDS = 6
STEM = 5


def words_of(text: str) -> list[str]:
    """The words of a text in their order, without case."""
    return [word.replace("’", "'") for word in WORD.findall(text.casefold())]


def word_pattern(phrases: list[str]) -> re.Pattern:
    """What finds any of some phrases as whole words, whatever their case and the blanks in them; the first of several wins.

    In scripts without blanks a phrase is found inside of a run of characters, too."""

    def bounded(phrase: str) -> str:
        inner = r"\s+".join(map(re.escape, phrase.split()))
        before, after = (
            "" if ord(sign) >= 0xE00 or not (sign.isalnum() or sign == "_") else border
            for sign, border in ((phrase[0], r"(?<![^\W_])"), (phrase[-1], r"(?![^\W_])"))
        )
        return before + inner + after

    return re.compile("|".join(map(bounded, phrases)), re.IGNORECASE)


def word_groups(words: list[str], size: int) -> list[tuple[str, ...]]:
    """All runs of `size` words, in their order."""
    return [tuple(words[start : start + size]) for start in range(len(words) - size + 1)]


def longest_shared_run(words: list[str], groups: set[tuple[str, ...]]) -> int:
    """The most words in a row that `words` shares with a text, given as its set of runs of SEED_WORDS words.

    Shorter runs than SEED_WORDS count as none. A run over two places of the text that share SEED_WORDS - 1 words counts as
    one."""
    longest = current = 0
    for group in word_groups(words, SEED_WORDS):
        current = current + 1 if group in groups else 0
        longest = max(longest, current)
    return longest + SEED_WORDS - 1 if longest else 0


def repeated_share(words: list[str]) -> float:
    """The share of runs of four words that the text has had before: seq-rep-4 of Welleck et al. 2019 (arXiv 1908.04319).

    0.0 when nothing recurs, near 1.0 in a loop."""
    groups = word_groups(words, 4)
    return 1 - len(set(groups)) / len(groups) if groups else 0.0


def most_frequent(texts: list[str], at_least_words: int) -> int:
    """How often the most frequent of `texts` occurs, those with fewer words left out."""
    counts = Counter(tuple(words) for words in map(words_of, texts) if len(words) >= at_least_words)
    return max(counts.values(), default=0)


def stem_of(word: str) -> str:
    """The first letters of a word, without a final s: enough to find a plural or another ending again."""
    word = word.removesuffix("'s")
    return word[:-1][:STEM] if word.endswith("s") and len(word) > 3 else word[:STEM]


def stems_of(words: list[str]) -> set[str]:
    """What says the subject: the stems of all words that are long enough to have one, and single Chinese characters."""
    return {stem_of(word) for word in words if len(word) >= STEM or (len(word) == 1 and ord(word) > 0xE00)}
