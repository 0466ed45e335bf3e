"""What a text is searched by: the stems of its words, without those that say little in their language.

Chinese, Japanese, Korean and Thai have no spaces or glue particles to their words: there each pair of neighbouring characters
is a term."""

import math
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

import regex
import snowballstemmer

from understudy.text.wording import wording_of

PAIRED = r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}ー々"
# A run of paired characters, or a word; an accent or a vowel sign belongs to its letter.
NUMBER = r"\p{Nd}+(?:[.,]\p{Nd}+)+"
WORD = regex.compile(
    rf"[{PAIRED}]+|{NUMBER}|(?:(?![{PAIRED}])[\p{{L}}\p{{M}}\p{{N}}])+(?:['’](?![{PAIRED}])[\p{{L}}\p{{M}}]+)*"
)
NO_LETTER = regex.compile(r"[^\p{L}\p{M}\p{N}'·]")
DECIMAL = regex.compile(r"(?<=\p{Nd})[.,](?=\p{Nd})")
IS_PAIRED = regex.compile(rf"[{PAIRED}]")
# Japanese endings and particles, which hiragana alone writes.
GLUE = regex.compile(r"\p{Script=Hiragana}+")
# A character of these scripts says about as much as half a word.
CHARACTERS_OF_A_WORD = 2
SHORTEST_WITH_APOSTROPHE = 3
NORWEGIAN = {"no": "nb"}
# Zipf values: the decimal logarithm of how often a word occurs among a billion. From FUNCTION_WORD on, once in a thousand words,
# a word is not searched for; up to TELLING it counts fully, between them less and less.
FUNCTION_WORD, TELLING = 6.0, 4.0
LEAST_WEIGHT = 0.2


@lru_cache(maxsize=200_000)
def read_word(text: str, language: str | None) -> tuple[int, tuple[str, ...]]:
    """The length in words and the terms of a piece of text without spaces; pieces recur, so what they give is remembered."""
    return length_in_words(text), tuple(terms_of(text, language))


def words_in(text: str) -> list[tuple[int, int]]:
    """Start and end in the text of its words; a run of Chinese, Japanese, Korean or Thai counts as one."""
    return [found.span() for found in WORD.finditer(text)]


def length_in_words(text: str) -> int:
    """How many words a text has; two characters of a script without spaces count as one."""
    paired = len(IS_PAIRED.findall(text))
    return sum(not IS_PAIRED.match(text[start]) for start, _ in words_in(text)) + -(-paired // CHARACTERS_OF_A_WORD)


def terms_of(text: str, language: str | None) -> list[str]:
    """The terms of a text in their order, to be found by; `language` is a two-letter code, None where it isn't known."""
    common = common_words(language)
    found = [
        form
        for form, words in forms_and_words(text, language)
        if max(common.get(word, 0.0) for word in words) < FUNCTION_WORD or is_number(form)
    ]
    # A single character is looked up as the beginning of a pair, or as the last of its run.
    return found + [text[end - 1] for start, end in words_in(text) if end - start > 1 and IS_PAIRED.match(text[start])]


def forms_and_words(text: str, language: str | None) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each stem or pair of characters of a text, with what says how common it is: the whole word, and its longest part."""
    for start, end in words_in(text):
        word = normal(text[start:end])
        for form in forms_of(word, language):
            yield form, (form, form) if IS_PAIRED.match(word) else (word, longest_part(word))


@lru_cache(maxsize=200_000)
def forms_of(word: str, language: str | None) -> tuple[str, ...]:
    """The stem of a word, as `normal` gives it, or its pairs of characters; function words have one, too."""
    if IS_PAIRED.match(word):
        pairs = (word[at : at + 2] for at in range(max(1, len(word) - 1)))
        return tuple(pair for pair in pairs if not GLUE.fullmatch(pair))
    longest = longest_part(word)
    return () if longest != word and len(longest) < SHORTEST_WITH_APOSTROPHE else (stemmed(longest, language),)


def longest_part(word: str) -> str:
    """What stands with English 's and 've, French l' and qu'."""
    return max(word.split("'"), key=len)


def normal(word: str) -> str:
    """A word as it is compared: letters, digits and apostrophes; a point or comma in a number is a dot."""
    plain = unicodedata.normalize("NFKC", word).casefold().replace("’", "'")
    return NO_LETTER.sub("", DECIMAL.sub("·", plain))


def is_number(form: str) -> bool:
    return form[:1].isdigit()


@cache
def common_words(language: str | None) -> dict[str, float]:
    """The words of a language that count less than others, with their Zipf values, by wordfreq and by our own function words;
    empty for a language without a list."""
    # It takes half a second to load, which only building an index takes.
    import wordfreq

    code = NORWEGIAN.get(language, language)
    shares = wordfreq.get_frequency_dict(code, "best") if code in wordfreq.available_languages() else {}
    least = 10 ** (TELLING - 9)
    common = {word: math.log10(share) + 9 for word, share in shares.items() if share > least}
    own = wording_of(language)
    if own is not None:
        common |= {word: max(common.get(word, 0.0), FUNCTION_WORD) for word in own.function_words}
    return common


def weight_of(zipf: float) -> float:
    """What a term counts by how common its word is in the language: 1.0 for a rare one, 0.0 for a function word."""
    if zipf >= FUNCTION_WORD:
        return 0.0
    return max(LEAST_WEIGHT, min(1.0, (FUNCTION_WORD - zipf) / (FUNCTION_WORD - TELLING)))


def stemmed(word: str, language: str | None) -> str:
    if language == "ar":
        return arabic_stem(word)
    stemmer = stemmer_of(language)
    return word if stemmer is None else stemmer.stemWord(word)


@cache
def stemmer_of(language: str | None):
    """Snowball's stemmer of the language, or None."""
    name = NAMES.get(language)
    return snowballstemmer.stemmer(name) if name in snowballstemmer.algorithms() else None


MARKS = regex.compile(r"[\u064b-\u0652\u0670\u0640]")
ARABIC_PREFIXES = ("وال", "بال", "كال", "فال", "لل", "ال", "و")
ARABIC_SUFFIXES = ("ها", "ان", "ات", "ون", "ين", "يه", "ية", "تي", "ه", "ة", "ي")


def arabic_stem(word: str) -> str:
    """Light10 of Larkey, Ballesteros and Connell (2007): articles and endings off, spellings made one. Snowball's stemmer leaves
    the article after `wa`."""
    word = MARKS.sub("", word).translate(str.maketrans("أإآى", "اااي"))
    for prefix in ARABIC_PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= (3 if prefix == "و" else 2):
            word = word.removeprefix(prefix)
            break
    for suffix in ARABIC_SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 2:
            word = word.removesuffix(suffix)
    return word


# Snowball's names.
NAMES = {
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
