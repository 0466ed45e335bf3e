"""Codes of languages, and which of several caption tracks or files is nearest to the languages that are asked for."""

import re
from collections.abc import Iterable
from functools import cache
from typing import TypeVar

from langcodes import Language, standardize_tag, tag_is_valid

Track = TypeVar("Track")
# A language, a script, a region, and what YouTube adds: `en-orig`, or a track's own name in eleven signs.
TAG = r"([A-Za-z]{2,3})(?:-[A-Z][a-z]{3})?(?:-(?:[A-Za-z]{2}|\d{3}))?"
CODE = re.compile(rf"{TAG}(?:-orig|-[A-Za-z0-9_-]{{11,12}})?")
TRANSLATION = re.compile(rf"({TAG})-(?!in$)(?P<source>[a-z]{{2,3}}(?:-.*)?)")
# Languages of three letters that YouTube has captions in; among all there are, many are file endings too (wav, net, org, mov).
THREE_LETTERS = (
    "ace ach alz bbc ban bal bem bew bho bik bts btx bua ceb cgg chk ckb cnh crh din doi dov dyu fil fon fur gaa gom haw hil hmn "
    "hrx iba ilo jam kac kek kha kri ktu lij lmo ltg luo lus mad mai mak mam mni mwr new nhe nso nus pag pam pap pcm scn shn "
    "szl tet tiv tpi trp tum tyv udm vec war yua yue zap"
)
OF_THREE_LETTERS = frozenset(THREE_LETTERS.split())
# Codes of two letters in which hardly anybody gives a talk: Socket.io is no Ido, index.ts no Tsonga.
IN_NO_TALK = frozenset({"ae", "cu", "ia", "ie", "io", "pi", "vo", "sh", "ts"})
# Regions that speak a second language, where the code could be one of a translation; the first one of a region is in langcodes.
ALSO_SPOKEN = frozenset({"fr-ca", "fr-be", "fr-ch", "it-ch"})


@cache
def language_of_code(code: str) -> str | None:
    """The language of a code in its usual form, or None if it is no code of a language that talks are in: `iw` and `heb-IL` are
    `he`, `js` and `wav` none."""
    found = CODE.fullmatch(code)
    if not found or not tag_is_valid(found[1]):
        return None
    language = standardize_tag(found[1].lower()).split("-")[0]
    return language if language in OF_THREE_LETTERS or (len(language) == 2 and language not in IN_NO_TALK) else None


def usual_form(code: str) -> str:
    """A code with the language as it is written today: `iw-IL` is `he-IL`. Whatever is no code stays as it is."""
    first, *more = code.replace("_", "-").split("-")
    return "-".join([language_of_code(first) or first, *more])


@cache
def is_translation(code: str) -> bool:
    """Whether a code names two languages: `en-de` and `en-de-DE` are how yt-dlp names a translation from German, while `pt-br` is
    Portuguese as in Brazil."""
    found = TRANSLATION.fullmatch(code)
    into, source = (language_of_code(found[2]), language_of_code(found["source"])) if found else (None, None)
    if into is None or source is None:
        return False
    if len(found["source"]) > 2:
        return True
    region = f"und-{found['source']}"
    is_region = tag_is_valid(region) and Language.get(region).maximize().language == into
    return into != source and not is_region and code.lower() not in ALSO_SPOKEN


def matches(code: str, language: str) -> bool:
    """Whether a track's code is `language`, or one of its regions: `en` takes `en-GB`, `en-GB` doesn't take `en`, and nothing
    takes a translation."""
    if is_translation(code):
        return False
    code, language = usual_form(code).lower(), usual_form(language).lower()
    return code == language or code.startswith(f"{language}-")


def language_rank(code: str | None, languages: list[str]) -> int:
    """The place of the first language that `code` matches; one past the end if it matches none or isn't known."""
    return next((place for place, wanted in enumerate(languages) if code and matches(code, wanted)), len(languages))


def is_exact(code: str | None, languages: list[str]) -> bool:
    """Whether the languages name this very code."""
    return code is not None and usual_form(code).lower() in (usual_form(wanted).lower() for wanted in languages)


def chosen_track(tracks: Iterable[tuple[str, bool, Track]], languages: list[str]) -> Track | None:
    """Return the best of (code, is_generated, track), or None if no language matches.

    An earlier language wins; then captions made by a person; then the exact code before a region's."""
    ranked = [
        (language_rank(code, languages), is_generated, not is_exact(code, languages), place, track)
        for place, (code, is_generated, track) in enumerate(tracks)
    ]
    ranked = [entry for entry in ranked if entry[0] < len(languages)]
    return min(ranked, key=lambda entry: entry[:4])[-1] if ranked else None
