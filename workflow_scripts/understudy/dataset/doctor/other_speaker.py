"""Whose turns an answer rests on: those of the teacher, or those of somebody who asks, claims and sums up."""

from collections import Counter
from dataclasses import dataclass
from math import fsum, log

import regex

from understudy.passages.answers.sentences import sentences_of as sentences_of_answer
from understudy.passages.cutting import Sentence, sentences_of
from understudy.passages.terms import terms_of
from understudy.passages.time_span import SpokenSegments
from understudy.text.language import language_of_talk
from understudy.text.markdown import AnswerMarkdown
from understudy.text.voices import Voices, speaker_of
from understudy.text.words import words_of

IS_QUESTION = regex.compile(r"[?？؟][\"'”»」』)]*$")
# Of a sentence's terms, weighted by how rare they are in the talk, so much must stand in another's claim to be his.
SHARE_OF_A_CLAIM = 0.5
FEWEST_TERMS = 2
# Sentences of one turn that are held beside a sentence of an answer.
TOGETHER = 3


@dataclass(frozen=True)
class Window:
    """Sentences in a row of one voice, and their terms."""

    is_others: bool
    terms: frozenset[str]


class VoicesOfAnswers:
    """Finds the voice behind each answer of a talk in which others speak beside the teacher."""

    def __init__(self, transcript: dict, voices: Voices):
        self._voices = voices
        self._segments = transcript["segments"]
        self._spoken = SpokenSegments(self._segments, with_untimed=True)
        self._language = language_of_talk(transcript)
        sentences = sentences_of(self._segments, self._language)
        counts = Counter(term for sentence in sentences for term in set(sentence.terms))
        self._weights = {term: log(1 + len(sentences) / count) for term, count in counts.items()}
        self._rarest = log(1 + len(sentences))
        self._windows = list(self._windows_of(sentences))

    def fault_of(self, answer: str) -> str | None:
        """What tells that an answer is another's: its span, or a sentence that another says; None where it is the teacher's."""
        share = self._share_of_others(answer)
        if share > 0.5:
            return f"{share:.0%} of the words of its place are in turns of {self._names()}, not the teacher's"
        for sentence in sentences_of_answer(AnswerMarkdown(answer).visible_text()):
            if self._is_claim_of_others(sentence):
                return f"a turn of {self._names()} has more of this than any of the teacher's: {sentence[:120]!r}"
        return None

    def _names(self) -> str:
        return " or ".join(sorted(speaker for speaker in self._voices.shares if self._voices.are_others(speaker)))

    def _share_of_others(self, answer: str) -> float:
        run = self._spoken.run_of(answer)
        if run is None:
            return 0.0
        words: Counter = Counter()
        for segment in self._segments[run[0] : run[1] + 1]:
            words[self._voices.are_others(speaker_of(segment))] += len(words_of(segment[2]))
        return words[True] / max(words.total(), 1)

    def _is_claim_of_others(self, sentence: str) -> bool:
        terms = set(terms_of(sentence, self._language))
        if len(terms) < FEWEST_TERMS:
            return False
        whole = self._weight(terms)
        teachers = max((self._weight(terms & each.terms) for each in self._windows if not each.is_others), default=0.0)
        others = max((self._weight(terms & each.terms) for each in self._windows if each.is_others), default=0.0)
        return others > teachers + 1e-9 and others >= SHARE_OF_A_CLAIM * whole

    def _weight(self, terms: set[str]) -> float:
        return fsum(self._weights.get(term, self._rarest) for term in sorted(terms))

    def _windows_of(self, sentences: list[Sentence]):
        """Others' claims, and the teacher's words, each also with the question that they answer."""
        for number, sentence in enumerate(sentences):
            is_others = self._voices.are_others(sentence.speaker)
            if is_others and IS_QUESTION.search(sentence.text):
                continue
            run = [each for each in sentences[number : number + TOGETHER] if each.speaker == sentence.speaker]
            before = sentences[number - 1] if number else None
            answers = before is not None and not is_others and IS_QUESTION.search(before.text)
            run = [before, *run] if answers else run
            yield Window(is_others, frozenset(term for each in run for term in each.terms))
