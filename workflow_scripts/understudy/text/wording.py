"""What the words of a pair give away: a question that needs the talk, a teacher in the third person, a refusal."""

import re
from functools import cache
from pathlib import Path

import yaml

from understudy.text.words import words_of

PHRASES = Path(__file__).with_name("phrases")
TITLES = r"(?:Dr|Prof|Mr|Mrs|Ms|Doctor|Professor|Frau|Herrn?|Señora?|Sra?|Don|Doña|Doktor|Doctora|Dra)\.?"
# Who gives their own name speaks in the first person.
OWN_NAME_BEFORE = re.compile(
    r"\b(?:I['’]m|I am|name is|this is|ich bin|Name ist|heiße|soy|me llamo)\s+(?:\w+\.?\s+)?$", re.IGNORECASE
)
OWN_NAME_AFTER = re.compile(r"\s+(?:here|speaking|hier|al habla)\b", re.IGNORECASE)
ACCORDING = r"(?:[Aa]ccording to|[Ll]aut|[Ss]egún)"


class Wording:
    """The phrases of one language."""

    def __init__(self, language: str, entries: dict):
        self.language = language
        self.phone_regions: list[str] = entries["phone_regions"]
        self.dangling = frozenset(entries["dangling"].split())
        self._saying = entries["saying"]
        self.function_words = frozenset(entries["function_words"].split())
        self._not_standalone = self._any_of(entries["not_standalone"])
        self._third_person = self._any_of(entries["third_person"])
        self._refusal_opening = self._any_of(entries["refusal_opening"])
        self._refusal_anywhere = self._any_of(entries["refusal_anywhere"])
        self._pronoun = self._any_of([rf"\b(?:{entries['pronouns']})\b"])
        self._demonstrative = re.compile(rf"\b(?:{entries.get('demonstratives', '(?!)')})\b(?=\W*(\w*))", re.IGNORECASE)
        self._no_antecedent_needed = self._any_of(entries["no_antecedent_needed"])

    def _any_of(self, patterns: list[str]) -> re.Pattern:
        joined = "|".join(f"(?:{pattern.replace('{saying}', self._saying)})" for pattern in patterns)
        return re.compile(joined, re.IGNORECASE)

    def points_outside(self, question: str) -> str | None:
        """Return the words of a question that mean nothing without the talk or an earlier question."""
        found = self._not_standalone.search(question)
        if found:
            return found.group().strip()
        return self._pronoun_without_noun(question)

    def _pronoun_without_noun(self, question: str) -> str | None:
        needs_none = [range(*found.span()) for found in self._no_antecedent_needed.finditer(question)]
        for found in (*self._pronoun.finditer(question), *self._bare_demonstratives(question)):
            if any(found.start() in span for span in needs_none):
                continue
            before = words_of(question[: found.start()])
            if all(word in self.function_words for word in before):
                return found.group()
        return None

    def _bare_demonstratives(self, question: str) -> list[re.Match]:
        """Demonstratives that are no article: no capitalised noun follows within three words, or a word that no article stands
        before."""

        def is_article(found: re.Match) -> bool:
            after = re.findall(r"\w+", question[found.end() :])[:3]
            stands_alone = bool(after) and after[0] in self.function_words and not after[0].endswith(("e", "en"))
            return any(word[0].isupper() for word in after) and not stands_alone

        return [
            found
            for found in self._demonstrative.finditer(question)
            if found.group().casefold() != "das" or not is_article(found)
        ]

    def speaks_about_teacher(self, text: str, names: list[str]) -> str | None:
        """Return the words of an answer that speak of the teacher, who has these `names`, or of the talk, from outside."""
        found = self._third_person.search(text)
        return found.group() if found else named_teacher(text, names, self._saying)

    def refuses(self, text: str) -> str | None:
        """Return the words by which an answer declines to answer: at its beginning, or a model's talk of itself anywhere."""
        found = self._refusal_opening.match(text.lstrip("*_#> \n")) or self._refusal_anywhere.search(text)
        return found.group() if found else None


def named_teacher(text: str, names: list[str], saying: str = r"\w+s") -> str | None:
    """Return a teacher's name in `text`: the whole one, or the surname with a title, with a verb of saying, or as a source."""
    for name in names:
        surname = re.escape(name.split()[-1])
        whole = rf"\b{re.escape(name)}\b" if len(name.split()) > 1 else r"(?!)"
        by_surname = rf"\b{TITLES}\s+(?:\w+\s+)?{surname}\b|\b{ACCORDING}\s+{surname}\b|\b{surname}\s+(?:{saying})\b"
        for found in re.finditer(f"{whole}|{by_surname}", text):
            if not gives_own_name(text, found):
                return found.group()
    return None


def gives_own_name(text: str, found: re.Match) -> bool:
    """Whether the words around a name are a greeting: "I'm Nell Harrow", "Nell Harrow here"."""
    return bool(re.search(OWN_NAME_BEFORE, text[: found.start()]) or re.match(OWN_NAME_AFTER, text[found.end() :]))


@cache
def wording_of(language: str | None) -> Wording | None:
    """The phrases of a language by its code (`pt-BR` is `pt`), or None for one that has no file."""
    entries = phrases_of(language)
    return entries and Wording(language.split("-")[0].lower(), entries)


def phrases_of(language: str | None) -> dict | None:
    """The file of a language by its code (`pt-BR` is `pt`), or None if it has none."""
    code = (language or "").split("-")[0].lower()
    path = PHRASES / f"{code}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if code.isalpha() and path.is_file() else None


@cache
def function_words_of_all_languages() -> frozenset[str]:
    """The words that name nothing, of every language that has a file."""
    wordings = (wording_of(path.stem) for path in PHRASES.glob("*.yaml"))
    return frozenset().union(*(wording.function_words for wording in wordings))
