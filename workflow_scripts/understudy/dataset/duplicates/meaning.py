"""What a question is about and what it asks for, in a form that does not change with its wording.

questions.yaml says what a word is for, a language each; the rest are subjects, by their stems (Snowball's). Where a language has
no list, every word is a subject."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import regex
import yaml

from understudy.passages.terms import stemmed
from understudy.text.language import language_code
from understudy.text.wording import wording_of

LISTS = Path(__file__).with_name("questions.yaml")
OPENING_WORDS = 3
CONTRACTED = regex.compile(r"(?:'s|'re|'ll|'d|'ve|n't)$")
# Above U+036F the marks are vowels.
ACCENT = regex.compile(r"[\u0300-\u036f\u064b-\u065f]")
SPACELESS = regex.compile(r"[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}ー々]")
SCRIPTS = [
    (regex.compile(r"[\p{Script=Hiragana}\p{Script=Katakana}]"), "ja"),
    (regex.compile(r"\p{Script=Hangul}"), "ko"),
    (regex.compile(r"\p{Script=Han}"), "zh"),
    (regex.compile(r"\p{Script=Thai}"), "th"),
    (regex.compile(r"\p{Script=Arabic}"), "ar"),
    (regex.compile(r"\p{Script=Devanagari}"), "hi"),
    (regex.compile(r"\p{Script=Cyrillic}"), "ru"),
]
# The languages in Latin letters, which are told by their words; of as many words of two the first.
LATIN = ["en", "de", "es", "fr", "it", "pt", "nl"]
# A word of Japanese in katakana, a character, or what stands between them: particles, endings, words in hiragana.
JAPANESE = regex.compile(r"[\p{Script=Katakana}ー]+|\p{Script=Hiragana}+|.")
HIRAGANA = regex.compile(r"\p{Script=Hiragana}+")
KOREAN_ENDING = regex.compile(
    r"(?:에서는|에게서|으로는|하려면|하나요|합니까|할까요|으려면|을까요|으면|해도|하면|에는|에서|에게|으로|까지|부터|처럼|보다|려면|나요|는지|해야|하는|어야|아야"
    r"|[은는이가을를의에로와과도만])$"
)
# Participles of strong verbs, and their stems.
PARTICIPLES = {
    "de": (
        "gossen:giess brochen:brech sprochen:sprech nommen:nehm schnitten:schneid schrieben:schreib trieben:treib "
        "bunden:bind funden:find schlossen:schliess schoben:schieb hoben:heb zogen:zieh bogen:bieg gegessen:ess "
        "trunken:trink worfen:werf holfen:helf wonnen:winn storben:sterb sungen:sing sprungen:spring schwommen:schwimm "
        "strichen:streich stiegen:steig wogen:wieg standen:steh"
    ),
    "en": (
        "grown:grow grew:grow eaten:eat ate:eat written:write chosen:choose driven:drive built:build held:hold "
        "sold:sell bought:buy caught:catch taught:teach thrown:throw frozen:freeze broken:break spoken:speak "
        "stolen:steal torn:tear worn:wear hung:hang dug:dig fed:feed lost:lose found:find sown:sow shown:show "
        "drawn:draw flown:fly known:know begun:begin sung:sing drunk:drink swum:swim sunk:sink shrunk:shrink "
        "stuck:stick swept:sweep slept:sleep spent:spend sent:send bent:bend burnt:burn learnt:learn given:give "
        "hidden:hide ridden:ride shaken:shake woven:weave won:win paid:pay laid:lay told:tell understood:understand"
    ),
}
STEM_OF_PARTICIPLE = {code: dict(verb.split(":") for verb in verbs.split()) for code, verbs in PARTICIPLES.items()}
# What Snowball leaves apart. German gescheitert, eingehalten, einzuhalten: as scheitern, einhalten; lagert as lagern. English
# colour and organise: as color, organize. Spanish ronronea: as ronronean.
BEFORE_STEM = {
    "de": [
        (rf"(?:ge)?({'|'.join(STEM_OF_PARTICIPLE['de'])})$", lambda found: f"{STEM_OF_PARTICIPLE['de'][found[1]]}en"),
        (r"^(ab|an|auf|aus|bei|ein|mit|nach|vor|zu|weg|her|hin|um|)(?:ge|zu)(?=\p{L}{4,}(?:te?[rnsm]?|en)$)", r"\1"),
    ],
    "nl": [(r"^(af|aan|op|uit|in|mee|om|)ge(\p{L}{3,}?)(?:[dt]|en)$", r"\1\2en")],
    "en": [
        (rf"^({'|'.join(STEM_OF_PARTICIPLE['en'])})$", lambda found: STEM_OF_PARTICIPLE["en"][found[1]]),
        (r"(?<=\p{L}{3})our(?=s?$)", "or"),
        (r"(?<=\p{L}{3})is(?=(?:e[sd]?|ing|ation)$)", "iz"),
    ],
}
AFTER_STEM = {"de": r"(?<=\p{L}{4})t$", "es": r"(?<=\p{L}{4})[ei]$"}


class Meaning(NamedTuple):
    """Two questions are near if they have nearly the same `stems` and entirely the same of everything else. With `is_exact` the
    stems must be the same too: without spaces or a list of words, what says nothing isn't known well enough."""

    stems: frozenset[str]
    asks_for: frozenset[str]
    numbers: frozenset[str]
    turns: frozenset[str]
    is_exact: bool = False


class Uses:
    """What the words of a language are for: `of` has for each run of words a kind of questions.yaml and its name."""

    def __init__(self, lists: dict, function_words: Iterable[str]):
        self.of = {(without_accents(word),): ("function", "") for word in function_words}
        for kind in ("function", "generic"):
            self._add(kind, "", lists.get(kind, ""))
        for kind in ("opens", "same", "turns", "asks"):
            for name, words in lists.get(kind, {}).items():
                self._add(kind, name, words)
        self.particles, self.clauses = (frozenset(lists.get(kind, "").split()) for kind in ("particles", "clauses"))
        self.longest = max(map(len, self.of), default=1)
        self.longest_text = max((len("".join(run)) for run in self.of), default=1)

    def _add(self, kind: str, name: str, words: str) -> None:
        self.of |= {tuple(without_accents(phrase).split("_")): (kind, name) for phrase in words.split()}

    def at(self, words: list[str], place: int) -> tuple[int, tuple[str, str] | None]:
        """The longest run of `words` from `place` on that has a use: its length and use; otherwise 1 and None."""
        for size in range(min(self.longest, len(words) - place), 0, -1):
            use = self.of.get(tuple(words[place : place + size]))
            if use:
                return size, use
        return 1, None


def meaning_of(words: tuple[str, ...], language: str | None = None) -> Meaning:
    """Return the meaning of a question, given as its words in lower case (understudy.text.words.words_of); without a language it
    is the one whose list has most of the words."""
    code = language_code(language) if language else guessed_language(words)
    uses = uses_of(code)
    parts = list(parts_of(words, code, uses))
    used = [use for _, use in parts if use]
    # In a rented flat, who pays for repairs?
    opened = opening(parts[:OPENING_WORDS]) or opening(parts) & {"who"}
    # What opens only joins clauses where something else is asked for: when sailing alone, how ...?
    others_ask = any(kind in ("asks", "generic") for kind, _ in used)
    asks = {name for kind, name in used if kind == "asks"} | (set() if others_ask else opened)
    subjects = [part for part, use in parts if not use]
    stems = {subject_stem(part, code) for part in subjects if not has_digit(part)}
    same = {f"={name}" for kind, name in used if kind == "same"}
    return Meaning(
        stems=frozenset(stems | same) or frozenset(map(without_accents, words)),
        asks_for=frozenset(asks),
        numbers=frozenset(without_accents(part) for part in subjects if has_digit(part)),
        turns=frozenset(name for kind, name in used if kind == "turns"),
        is_exact=(language is not None and not uses.of) or any(map(SPACELESS.match, words)),
    )


def opening(parts: list[tuple[str, tuple[str, str] | None]]) -> set[str]:
    """What the first words ask for that elsewhere join clauses."""
    return {use[1] for _, use in parts if use and use[0] == "opens"}


def parts_of(words: tuple[str, ...], code: str | None, uses: Uses) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """The words and phrases of a question in their order, each with its use, or None if it is a subject."""
    if any(map(SPACELESS.match, words)):
        for run in spaceless_runs(words):
            yield from (japanese_parts if code == "ja" else spaceless_parts)(run, uses)
        return
    if any(word.endswith("n't") for word in words):
        yield "n't", ("turns", "not")
    whole = [part for word in words for part in CONTRACTED.sub("", word).split("'") if part]
    plain, place = [without_accents(part) for part in whole], 0
    while place < len(plain):
        size, use = uses.at(plain, place)
        if use is None and code == "ko":
            whole[place], use = korean_part(plain[place], uses)
        if (
            size == 1
            and plain[place] in uses.particles
            and (place + 1 == len(plain) or plain[place + 1] in uses.clauses)
        ):
            use = "turns", f"={plain[place]}"
        yield whole[place], use
        place += size


def korean_part(word: str, uses: Uses) -> tuple[str, tuple[str, str] | None]:
    """A word without its particle or ending."""
    shorter = KOREAN_ENDING.sub("", word) or word
    return shorter, uses.of.get((shorter,))


def spaceless_runs(words: tuple[str, ...]) -> Iterator[str]:
    """Characters of scripts without spaces joined again; words of other scripts between them."""
    run = ""
    for word in words:
        if SPACELESS.match(word):
            run += word
            continue
        if run:
            yield run
        yield word
        run = ""
    if run:
        yield run


def spaceless_parts(run: str, uses: Uses) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """The characters of a run of Chinese; of Thai what stands between words of the list."""
    if not SPACELESS.match(run):
        yield run, None
        return
    place, rest = 0, ""
    while place < len(run):
        form, use = longest_form(run, place, uses)
        if use is None and SCRIPTS[3][0].match(run[place]):
            rest, place = rest + run[place], place + 1
            continue
        if rest:
            yield rest, None
        rest = ""
        yield form, use
        place += len(form)
    if rest:
        yield rest, None


def longest_form(run: str, place: int, uses: Uses) -> tuple[str, tuple[str, str] | None]:
    for size in range(min(uses.longest_text, len(run) - place), 0, -1):
        use = uses.of.get((run[place : place + size],))
        if use:
            return run[place : place + size], use
    return run[place], None


def japanese_parts(run: str, uses: Uses) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """Words in katakana, characters, and what is left of hiragana without particles and endings."""
    place, after_character = 0, False
    while place < len(run):
        piece = JAPANESE.match(run, place).group()
        form, use = longest_form(run, place, uses)
        if use and len(form) > 1 and not HIRAGANA.fullmatch(form):
            piece, found = form, [(form, use)]
        elif HIRAGANA.fullmatch(piece):
            found = list(without_particles(piece, uses, after_character))
        else:
            found = [(piece, uses.of.get((piece,)))]
        yield from found
        after_character, place = not HIRAGANA.fullmatch(piece), place + len(piece)


def without_particles(piece: str, uses: Uses, after_character: bool) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """Forms are taken off both ends; behind a character its ending too, which is whatever single sign is left."""
    while piece:
        ends = [piece[-size:] for size in range(len(piece), 0, -1) if (piece[-size:],) in uses.of]
        starts = [piece[:size] for size in range(len(piece), 0, -1) if (piece[:size],) in uses.of]
        if not ends and not starts:
            break
        form = max(ends[:1] + starts[:1], key=len)
        yield form, uses.of[form,]
        piece = piece[: -len(form)] if form in ends[:1] else piece[len(form) :]
    if piece and not (after_character and len(piece) == 1):
        yield piece, None


@lru_cache(maxsize=200_000)
def has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


@lru_cache(maxsize=200_000)
def subject_stem(word: str, code: str | None) -> str:
    for pattern, instead in BEFORE_STEM.get(code, ()):
        word = regex.sub(pattern, instead, word)
    stem = stemmed(word, code)
    if code in AFTER_STEM:
        stem = stemmed(regex.sub(AFTER_STEM[code], "", stem), code)
    return without_accents(stem)


@cache
def without_accents(word: str) -> str:
    """Spanish is often typed without them."""
    return unicodedata.normalize("NFC", ACCENT.sub("", unicodedata.normalize("NFD", word)))


@cache
def all_lists() -> dict[str, dict]:
    return yaml.load(LISTS.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@cache
def uses_of(code: str | None) -> Uses:
    """Of a language by its code; empty for one without a list."""
    if code not in all_lists():
        return Uses({}, [])
    wording = wording_of(code)
    return Uses(all_lists()[code], wording.function_words if wording else [])


def guessed_language(words: tuple[str, ...]) -> str | None:
    """The language whose script this is, or whose list has most of the words; None if none has any."""
    text = "".join(words)
    by_script = None if text.isascii() else next((code for script, code in SCRIPTS if script.search(text)), None)
    if by_script:
        return by_script
    counts = Counter(
        code
        for word in words
        for part in word.split("'")
        for code in languages_of_word().get(without_accents(part), ())
    )
    return max(counts, key=lambda code: (counts[code], -LATIN.index(code))) if counts else None


@cache
def languages_of_word() -> dict[str, list[str]]:
    """In which lists of languages in Latin letters each word is."""
    languages: dict[str, list[str]] = {}
    for code in LATIN:
        for run in uses_of(code).of:
            if len(run) == 1:
                languages.setdefault(run[0], []).append(code)
    return languages
