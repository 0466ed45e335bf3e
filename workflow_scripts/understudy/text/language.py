"""Which language a text is in, by py3langid's own model, which comes with the package."""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

# Norwegian's written forms, and what a caption track may call them.
SAME = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "cmn": "zh", "yue": "zh", "fil": "tl"}

NEARLY_CERTAIN = 0.99


@cache
def identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def language_code(name: str) -> str:
    """The two-letter code of a caption track's language: `en-US` is `en`."""
    code = name.split("-")[0].lower()
    return SAME.get(code, code)


def language_of(text: str) -> str | None:
    """The language of a transcript whose captions don't say it, or None where it is not nearly certain."""
    found, probability = identifier().rank(text)[0]
    return found if probability >= NEARLY_CERTAIN else None


def language_of_talk(transcript: dict) -> str | None:
    """The two-letter code of a transcript's language, as its captions say or as it reads."""
    language = transcript["language"]
    return language_of(transcript["text"]) if language is None else language_code(language)


def other_language(text: str, expected: str, at_least: float) -> str | None:
    """Return the language of `text` if it is not `expected`, with a probability of `at_least`; None for one that py3langid
    lacks."""
    code = language_code(expected)
    if code not in identifier().labels:
        return None
    ranked = identifier().rank(text)
    found, probability = ranked[0]
    return found if language_code(found) != code and probability >= at_least else None
