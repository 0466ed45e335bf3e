"""Words of any language, the runs that two texts share, and how much a text repeats itself."""

from collections import Counter
from functools import lru_cache

import regex

# Chinese, Japanese and Thai have no spaces: there each character is a piece. Elsewhere an accent or a vowel sign belongs to its
# letter.
THAI, PAIRED = r"\u0e00-\u0e7f", r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
LETTER = rf"[\p{{L}}\p{{N}}--[{THAI}{PAIRED}]]"
MARK = r"[\p{M}--[\u0e00-\u0e7f\ufe00-\ufe0f\u20d0-\u20ff]]"
WORD = regex.compile(rf"[{THAI}{PAIRED}]|{LETTER}(?:{LETTER}|{MARK})*(?:['’](?:{LETTER}|{MARK})+)*", regex.V1)
# About how many characters stand for a word: 30 of Chinese or Japanese, 60 of Thai, say what 15 English words do.
CHARACTERS_OF_A_WORD = [(regex.compile(f"[{THAI}]"), 4), (regex.compile(f"[{PAIRED}]"), 2)]
# What belongs to a word, and the scripts in which nothing stands between words, or endings follow without a sign (Korean).
SIGN = r"[\p{L}\p{N}\p{M}]"
SIGN_OF_A_WORD = regex.compile(rf"{SIGN}|_")
WITHOUT_BLANKS = regex.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef]")
SEED_WORDS = 6
STEM = 5


def words_of(text: str) -> list[str]:
    """The words of a text in their order, without case."""
    return [word.replace("’", "'") for word in WORD.findall(text.casefold())]


def word_pattern(phrases: list[str]) -> regex.Pattern:
    """What finds any of some phrases as whole words, whatever their case and the blanks in them; the first of several wins.

    In scripts without blanks a phrase is found inside of a run of characters, too."""

    def bounded(phrase: str) -> str:
        inner = r"\s+".join(map(regex.escape, phrase.split()))
        before, after = (
            "" if WITHOUT_BLANKS.match(sign) or not SIGN_OF_A_WORD.match(sign) else border
            for sign, border in ((phrase[0], rf"(?<!{SIGN})"), (phrase[-1], rf"(?!{SIGN})"))
        )
        return before + inner + after

    return regex.compile("|".join(map(bounded, phrases)), regex.IGNORECASE)


@lru_cache(maxsize=50_000)
def share_of_word(piece: str) -> float:
    """How much of a word a piece of `words_of` is: less than one for a character of a script without spaces."""
    return next((1 / count for script, count in CHARACTERS_OF_A_WORD if script.match(piece)), 1.0)


def word_count(words: list[str]) -> int:
    """How many words the pieces of `words_of` are: limits in words are meant so in every language."""
    return round(sum(map(share_of_word, words)))


def pieces_of_a_word(words: list[str]) -> int:
    """How many pieces of `words_of` are one word in a text, mostly."""
    return round(len(words) / max(1, word_count(words)))


def word_groups(words: list[str], size: int) -> list[tuple[str, ...]]:
    """All runs of `size` words, in their order."""
    return [tuple(words[start : start + size]) for start in range(len(words) - size + 1)]


def longest_shared_run(words: list[str], groups: set[tuple[str, ...]]) -> int:
    """How many words `shared_run` has."""
    return len(shared_run(words, groups)) // pieces_of_a_word(words)


def shared_run(words: list[str], groups: set[tuple[str, ...]]) -> list[str]:
    """The most pieces in a row that `words` shares with a text, given as its set of runs of SEED_WORDS pieces.

    Shorter runs than SEED_WORDS count as none. A run over two places of the text that share SEED_WORDS - 1 pieces counts as
    one."""
    longest = current = end = 0
    for place, group in enumerate(word_groups(words, SEED_WORDS)):
        current = current + 1 if group in groups else 0
        if current > longest:
            longest, end = current, place + SEED_WORDS
    return words[end - longest - SEED_WORDS + 1 : end] if longest else []


def first_repeated(words: list[str]) -> list[str]:
    """The first run of four words that the text has had before; of a text without one, nothing."""
    groups, seen = word_groups(words, 4 * pieces_of_a_word(words)), set()
    return list(next((group for group in groups if group in seen or seen.add(group)), ()))


def repeated_share(words: list[str]) -> float:
    """The share of runs of four words that the text has had before: seq-rep-4 of Welleck et al. 2019 (arXiv 1908.04319).

    0.0 when nothing recurs, near 1.0 in a loop."""
    groups = word_groups(words, 4 * pieces_of_a_word(words))
    return 1 - len(set(groups)) / len(groups) if groups else 0.0


def most_frequent(texts: list[str], at_least_words: int) -> tuple[str, int]:
    """The words of the most frequent of `texts`, and how often it occurs; those with fewer words are left out."""
    counts = Counter(" ".join(words) for words in map(words_of, texts) if word_count(words) >= at_least_words)
    return max(counts.items(), key=lambda item: item[1], default=("", 0))


def stem_of(word: str) -> str:
    """The first letters of a word, without a final s: enough to find a plural or another ending again."""
    word = word.removesuffix("'s")
    return word[:-1][:STEM] if word.endswith("s") and len(word) > 3 else word[:STEM]


def stems_of(words: list[str]) -> set[str]:
    """What says the subject: the stems of all words that are long enough to have one, and single Chinese characters."""
    return {stem_of(word) for word in words if len(word) >= STEM or (len(word) == 1 and ord(word) > 0xE00)}
