"""Which of several caption tracks or files is nearest to the languages that the configuration asks for."""

import re
from collections.abc import Iterable
from typing import TypeVar

Track = TypeVar("Track")
TRANSLATION = re.compile(r"[a-z]{2,3}-[a-z]{2,3}")


def matches(code: str, language: str) -> bool:
    """Whether a track's code is `language`, or one of its regions: `en` takes `en-GB`, `en-GB` doesn't take `en`, and nothing
    takes `en-de`, which is how yt-dlp names a translation from German."""
    if TRANSLATION.fullmatch(code):
        return False
    code, language = code.lower().replace("_", "-"), language.lower()
    return code == language or code.startswith(f"{language}-")


def language_rank(code: str | None, languages: list[str]) -> int:
    """The place of the first language that `code` matches; one past the end if it matches none or isn't known."""
    return next((place for place, wanted in enumerate(languages) if code and matches(code, wanted)), len(languages))


def chosen_track(tracks: Iterable[tuple[str, bool, Track]], languages: list[str]) -> Track | None:
    """Return the best of (code, is_generated, track), or None if no language matches.

    An earlier language wins; then captions made by a person; then the exact code before a region's."""
    ranked = [
        (language_rank(code, languages), is_generated, code.lower() not in map(str.lower, languages), place, track)
        for place, (code, is_generated, track) in enumerate(tracks)
    ]
    ranked = [entry for entry in ranked if entry[0] < len(languages)]
    return min(ranked, key=lambda entry: entry[:4])[-1] if ranked else None
