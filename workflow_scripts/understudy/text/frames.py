"""What a pair says of itself: a question that takes something from the talk for granted; an answer that reports what a talk has,
declines, sees the teacher from outside, or talks as a chat program does.

No sentences are looked for but what they share, a list of frames with reasons in phrases/, a language each. What is quoted is
left out, and what the question itself brings in may be spoken of."""

import re
import unicodedata
from functools import cache

from understudy.text.markdown import AnswerMarkdown
from understudy.text.wording import function_words_of_all_languages, phrases_of
from understudy.text.words import STEM, words_of

# Somebody else's words, an example of how to say it, code.
QUOTED = re.compile(
    r"“[^”]*”|„[^“”]*[“”]|«[^»]*»|»[^«]*«|\"[^\"]*\"|`[^`]*`|(?<!\w)'[^']{3,}'(?!\w)|(?<!\w)‘[^’]*’(?!\w)"
)
SENTENCE = re.compile(r"(?<=[.!?…])[\s)»”\"]+|\n+")
CLAUSE = re.compile(r"[.!?;:,\n]")
# Who declines says so at once; what is admitted later is a limit of an answer.
DECLINES_WITHIN = 2
# A chat program's last words are followed by a wish at most.
CLOSES_WITHIN = 2
# A first line that is the question again has nearly all of its words, and hardly others.
SAME_WORDS = 0.7
FEWEST_WORDS_OF_A_QUESTION = 3
FEWEST_TELLING, BEGINNING = 2, 4
ACTS = re.compile(r"[\W_]*(?:he|she|er|sie|il|elle|él|ella)\b", re.IGNORECASE)
NAME = re.compile(r"(?<![.!?:\n*#-] )(?<!^)(?<![¿¡«])\b[A-ZÀ-Ý][\w'’-]{2,}")


class Frames:
    """Those of one language, from its file in phrases/."""

    def __init__(self, language: str, entries: dict):
        self.language = language
        self._words = {name: entries[name] for name in ("saying", "stated", "source")}
        roles = "|".join(re.escape(role).replace(r"\-", "[ -]") for role in entries["roles"].split())
        self._words |= {"roles": roles, "people": "|".join(map(re.escape, entries["people"].split()))}
        agent = entries["agent"]
        self._question = self._any_of(entries["question_at_source"])
        self._answer = self._any_of(entries["answer_at_source"])
        self._declines = self._any_of(entries["declines"])
        self._condition = self._any_of([entries["condition"]])
        self._outside = self._any_of([rf"\A(?:{entries['third_person_opening']})", *entries["outside_view"]])
        self._people = self._any_of([r"\b(?:{people}|{roles})\w{0,2}\b"])
        self._role = [
            re.compile(
                self._filled(pattern.replace("{role}", rf"(?P<role>{roles})")).replace(
                    "{agent}", rf"(?P<role>{agent})"
                ),
                re.IGNORECASE | re.MULTILINE,
            )
            for pattern in entries["role_frames"]
        ]
        self._material = self._any_of([r"\b(?:{source}|{stated})\b"])
        self._pronouns = [
            {name: re.compile(pattern) for name, pattern in each.items()}
            for each in entries.get("opening_pronouns", [])
        ]
        self._opening = self._any_of(entries["chat_opening"])
        self._restating = self._any_of(entries["restating"])
        self._closing = self._any_of(entries["chat_closing"])

    def _any_of(self, patterns: list[str]) -> re.Pattern:
        joined = "|".join(f"(?:{self._filled(pattern)})" for pattern in patterns)
        return re.compile(joined, re.IGNORECASE | re.MULTILINE)

    def _filled(self, pattern: str) -> str:
        """A pattern with the lists that it names in their places."""
        for name, words in self._words.items():
            pattern = pattern.replace(f"{{{name}}}", words)
        return pattern

    def without_brought_in(self, question: str, answer: str) -> str:
        """An answer without those words for material, and for what is done with it, that its question brings in itself: to
        whoever asks how a video is made, the video is the subject."""
        asked = question.casefold()

        def is_asked_about(word: str) -> bool:
            """By its beginning, or, where that is long enough to tell, as a part of a compound."""
            return bool(re.search(("" if len(word) == STEM else r"\b") + re.escape(word), asked))

        return self._material.sub(
            lambda found: " " if is_asked_about(found.group().casefold()[:STEM]) else found.group(), answer
        )

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
        return self._unconditional(self._answer, unquoted(answer))

    def _unconditional(self, pattern: re.Pattern, text: str) -> str | None:
        """What a pattern finds outside of conditions."""
        for found in pattern.finditer(text):
            clause = len(text) - len(CLAUSE.split(text[: found.start()])[-1] + text[found.start() :])
            if not self._condition.match(text[clause:].lstrip(" \n*_-")):
                return found.group().strip(" .!?:;,\n") or None
        return None

    def declines(self, answer: str) -> str | None:
        """The words by which an answer says, at its beginning, that it is none."""
        sentences = [part for part in SENTENCE.split(unquoted(answer)) if words_of(part)]
        return next(
            filter(None, (self._unconditional(self._declines, part) for part in sentences[:DECLINES_WITHIN])), None
        )

    def outside_view(self, question: str, answer: str) -> str | None:
        """The words of an answer about somebody whom neither it nor the question has named: the teacher."""
        text = unquoted(answer).lstrip("*_# \n")
        found = next(
            (each for each in self._outside.finditer(text) if not self._is_named(question, text[: each.start()], each)),
            None,
        )
        if found:
            return found.group().strip(" .!?:;,\n")
        return self._opens_with_nobody(question, text) or self._acting_role(question, text)

    def _opens_with_nobody(self, question: str, text: str) -> str | None:
        """He or she at the beginning, where the question has neither a person nor a noun of that gender."""
        asked = question.lstrip("¿¡ ").partition(" ")[2]
        if self._people.search(asked):
            return None
        for each in self._pronouns:
            found = each["opening"].match(text)
            if found and not each["may_mean"].search(each["other_nouns"].sub(" ", asked)):
                return found.group()
        return None

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
    """The question again as a title, in bold, or as the first sentence: what stands there is no statement.

    What a title or a question says is compared by its telling words, so that my sauce is your sauce, and how to do something is
    how I do it; a line that leads in to the answer, by all of its words."""
    line = next((line.strip() for line in answer.splitlines() if words_of(line)), "")
    first = re.match(r"[^?:]*[?:]", line.strip("#*_ ")) if not line.startswith(("#", "**")) else None
    is_title = (
        line.startswith("#") or (line.startswith("**") and line.rstrip(" :?.").endswith("**")) or line.endswith("**")
    )
    said = first.group() if first else line if is_title else ""
    asked, again = words_of(question), words_of(said)
    if len(set(asked)) < FEWEST_WORDS_OF_A_QUESTION or not again:
        return None
    if same_words(set(asked), set(again)) or (
        not said.endswith(":") and same_words(telling(asked), telling(again), FEWEST_TELLING)
    ):
        return said
    return None


def telling(words: list[str]) -> set[str]:
    """The beginnings of the words that name something, so that another form of a verb is the same."""
    return {word[:BEGINNING] for word in words if word not in function_words_of_all_languages()}


def same_words(some: set[str], others: set[str], at_least: int = 1) -> bool:
    """Whether two texts have nearly the same words, and so many of them."""
    return len(some & others) >= at_least and len(some & others) / len(some | others) >= SAME_WORDS


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
