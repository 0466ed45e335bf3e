"""What a pair says of itself: a question that takes something from the talk for granted; an answer that reports what a talk has,
declines, sees the teacher from outside, or talks as a chat program does.

No sentences are looked for but what they share, a list of frames with reasons in phrases/, a language each. What is quoted is
left out, and what the question itself brings in may be spoken of."""

import re
import unicodedata
from functools import cache

from understudy.text.markdown import AnswerMarkdown
from understudy.text.wording import phrases_of
from understudy.text.words import words_of

# Somebody else's words, an example of how to say it, code.
QUOTED = re.compile(
    r"“[^”]*”|„[^“”]*[“”]|«[^»]*»|»[^«]*«|\"[^\"]*\"|`[^`]*`|(?<!\w)'[^']{3,}'(?!\w)|(?<!\w)‘[^’]*’(?!\w)"
)
SENTENCE = re.compile(r"(?<=[.!?…])[\s)»”\"]+|\n+")
# Who declines says so at once; what is admitted later is a limit of an answer.
DECLINES_WITHIN = 2
# A chat program's last words are followed by a wish at most.
CLOSES_WITHIN = 2
# A first line that is the question again has nearly all of its words, and hardly others.
SAME_WORDS = 0.7
FEWEST_WORDS_OF_A_QUESTION = 3
ACTS = re.compile(r"[\W_]*(?:he|she|er|sie|il|elle|él|ella)\b", re.IGNORECASE)
NAME = re.compile(r"(?<![.!?:\n*#-] )(?<!^)(?<![¿¡«])\b[A-ZÀ-Ý][\w'’-]{2,}")


class Frames:
    """Those of one language, from its file in phrases/."""

    def __init__(self, language: str, entries: dict):
        self.language = language
        self._saying = entries["saying"]
        roles = "|".join(re.escape(role).replace(r"\-", "[ -]") for role in entries["roles"].split())
        self._roles = roles
        self._question = self._any_of(entries["question_at_source"])
        self._answer = self._any_of(entries["answer_at_source"])
        self._declines = self._any_of(entries["declines"])
        self._outside = self._any_of(entries["outside_view"])
        people = "|".join(map(re.escape, entries["people"].split()))
        self._people = re.compile(rf"\b(?:{people})\w{{0,2}}\b", re.IGNORECASE)
        self._role = [
            re.compile(
                pattern.replace("{role}", rf"(?P<role>{roles})").replace("{roles}", roles), re.IGNORECASE | re.MULTILINE
            )
            for pattern in entries["role_frames"]
        ]
        self._opening = self._any_of(entries["chat_opening"])
        self._restating = self._any_of(entries["restating"])
        self._closing = self._any_of(entries["chat_closing"])

    def _any_of(self, patterns: list[str]) -> re.Pattern:
        joined = "|".join(
            f"(?:{pattern.replace('{saying}', self._saying).replace('{roles}', self._roles)})" for pattern in patterns
        )
        return re.compile(joined, re.IGNORECASE | re.MULTILINE)

    def question_at_source(self, question: str) -> str | None:
        """The words by which a question means something that only the talk has."""
        return found_in(self._question, unquoted(question)) or self._person_without_noun(question)

    def _person_without_noun(self, question: str) -> str | None:
        """German `er` and its forms, which only a noun, written large, gives a meaning."""
        if self.language != "de":
            return None
        found = re.search(r"\b(?:er|ihm|ihn)\b", question)
        before = question[: found.start()].split()[1:] if found else ["A"]
        return found.group() if found and not any(word[:1].isupper() for word in before) else None

    def answer_at_source(self, answer: str) -> str | None:
        """The words by which an answer speaks of the material that it comes from."""
        return found_in(self._answer, unquoted(answer))

    def declines(self, answer: str) -> str | None:
        """The words by which an answer says, at its beginning, that it is none."""
        sentences = [part for part in SENTENCE.split(unquoted(answer)) if words_of(part)]
        return next((said for part in sentences[:DECLINES_WITHIN] if (said := found_in(self._declines, part))), None)

    def outside_view(self, question: str, answer: str) -> str | None:
        """The words of an answer about somebody whom neither it nor the question has named: the teacher."""
        text = unquoted(answer)
        found = next(
            (each for each in self._outside.finditer(text) if not self._is_named(question, text[: each.start()], each)),
            None,
        )
        return found.group().strip(" .!?:;,\n") if found else self._acting_role(question, text)

    def _is_named(self, question: str, before: str, found: re.Match) -> bool:
        """Whether somebody is there whom a pronoun may mean: by a name (in German, where all nouns are written large, a whole
        one), or, where the pronoun is who acts, by any word for a person."""
        if ACTS.match(found.group()) and self._people.search(f"{question} {before}"):
            return True
        if self.language == "de":
            return bool(
                re.search(
                    r"\b[A-ZÄÖÜ][a-zäöüß]+ (?:von |van |de )?(?!Sie\b|Ih[nr])[A-ZÄÖÜ][a-zäöüß]{2,}",
                    f"{question[1:]} {before}",
                )
            )
        return bool(NAME.search(question.lstrip("¿¡ "))) or bool(NAME.search(before))

    def _acting_role(self, question: str, text: str) -> str | None:
        for pattern in self._role:
            for found in pattern.finditer(text):
                role = found.groupdict().get("role")
                before = f"{question} {text[: found.start()]}"
                if role is None or not re.search(rf"(?:{re.escape(stem_of_role(role))})", folded(before)):
                    return found.group().strip(" .!?:;,\n")
        return None

    def chats(self, answer: str) -> str | None:
        """The words by which an answer says what it was asked, or talks as a chat program does around it."""
        visible = AnswerMarkdown(answer).visible_text().strip()
        first = re.sub(r"^[\W_]+(?<![¡¿])", "", visible)
        opening = self._opening.match(first) or self._restating.match(first)
        if opening:
            return opening.group().strip()
        sentences = [part for part in SENTENCE.split(visible) if words_of(part)]
        said = (found_in(self._closing, unquoted(part)) for part in sentences[1:][-CLOSES_WITHIN:])
        return next(filter(None, said), None)


def repeated_question(question: str, answer: str) -> str | None:
    """The question again as a title, in bold, or as the first sentence: what stands there is no statement."""
    line = next((line.strip() for line in answer.splitlines() if words_of(line)), "")
    first = re.match(r"[^?:]*[?:]", line.strip("#*_ ")) if not line.startswith(("#", "**")) else None
    is_title = (
        line.startswith("#") or (line.startswith("**") and line.rstrip(" :?.").endswith("**")) or line.endswith("**")
    )
    said = first.group() if first else line if is_title else ""
    asked, again = set(words_of(question)), set(words_of(said))
    if len(asked) < FEWEST_WORDS_OF_A_QUESTION or not again:
        return None
    return said if len(asked & again) / len(asked | again) >= SAME_WORDS else None


def unquoted(text: str) -> str:
    return QUOTED.sub(" ", text)


def found_in(pattern: re.Pattern, text: str) -> str | None:
    found = pattern.search(text)
    return found.group().strip(" .!?:;,\n") or None if found else None


def folded(text: str) -> str:
    return "".join(
        letter for letter in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(letter)
    )


@cache
def stem_of_role(role: str) -> str:
    """The beginning of a role's name, which both its genders and its plural share."""
    plain = folded(role)
    return plain[: max(4, len(plain) - 3)]


@cache
def frames_of(language: str | None) -> Frames | None:
    """The frames of a language by its code, or None for one that has no file."""
    entries = phrases_of(language)
    return entries and Frames(language.split("-")[0].lower(), entries)


def chat_words(language: str | None, question: str, answer: str) -> str | None:
    """The words by which an answer says the question again, or talks as a chat program does: in its own language, or in English,
    which such programs fall into."""
    spoken = dict.fromkeys(filter(None, (frames_of(language), frames_of("en"))))
    return next(filter(None, (frames.chats(answer) for frames in spoken)), None) or repeated_question(question, answer)
