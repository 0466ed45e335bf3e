"""The doctor of the data set: examines each pair and says what is wrong with it, by name and in words."""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass

from understudy.dataset.doctor.leftovers import control_token_in, speaker_label_in
from understudy.dataset.doctor.other_speaker import VoicesOfAnswers
from understudy.dataset.doctor.personal_data import personal_data_in
from understudy.passages.time_span import SpokenSegments
from understudy.text.frames import chat_words, frames_of, unquoted
from understudy.text.language import language_of, other_language
from understudy.text.markdown import AnswerMarkdown
from understudy.text.transcripts import voices_in
from understudy.text.wording import Wording, wording_of
from understudy.text.words import (
    SEED_WORDS,
    first_repeated,
    most_frequent,
    pieces_of_a_word,
    repeated_share,
    shared_run,
    stems_of,
    word_count,
    word_groups,
    words_of,
)

# Fewer words than this say no language for certain.
FEWEST_WORDS_OF_A_LANGUAGE = 8
# A sentence of so many words that comes three times is a loop, not a refrain.
WORDS_OF_A_SENTENCE, TIMES_OF_A_LOOP = 4, 3
# Of verdicts that older projects don't name.
LATER_LEVELS = {"other_speaker": "reject", "points_at_source": "reject", "repeats_question": "reject"}
# What a remark shows of a longer run.
SHOWN_WORDS = 12


@dataclass(frozen=True)
class Remark:
    """What the doctor has found: the verdict's name, `reject` or `warn`, and in words what it saw."""

    verdict: str
    level: str
    says: str

    as_record = asdict


class Talk:
    """A transcript, made ready for the pairs that come from it."""

    def __init__(self, record: dict):
        words = words_of(record["text"] or "")
        self.language: str | None = record["language"] or language_of(record["text"] or "")
        self.runs = set(word_groups(words, SEED_WORDS))
        self.stems = stems_of(words)
        self.spoken = SpokenSegments(record["segments"] or [])
        voices = voices_in(record)
        self.labels = frozenset(filter(None, voices.shares)) if voices else frozenset()
        has_others = voices is not None and any(map(voices.are_others, voices.shares))
        self.voices = VoicesOfAnswers(record, voices) if has_others else None


class Doctor:
    """Examines pairs by the configuration's `dataset.doctor`: `thresholds`, and `levels` (verdict to reject, warn or ignore).

    `prompts` are the texts that told the teacher what to write, `count_tokens` counts a pair as the training does,
    `control_tokens` are those of the base model's tokenizer. A verdict that the levels don't have is a warning."""

    def __init__(
        self,
        thresholds: dict,
        levels: dict[str, str],
        names: list[str],
        prompts: list[str],
        count_tokens: Callable[[str, str], int],
        max_tokens: int,
        control_tokens: Collection[str] = (),
    ):
        self._thresholds = thresholds
        self._levels = levels
        self._names = names
        self._prompt_runs = {run for text in prompts for run in word_groups(words_of(text), SEED_WORDS)}
        self._count_tokens = count_tokens
        self._max_tokens = max_tokens
        self._control_tokens = control_tokens

    def remarks_on(self, question: str, answer: str, talk: Talk | None) -> tuple[list[Remark], int]:
        """Return what is wrong with a pair, worst first, and how many tokens it has; a hand-written pair may have no talk.

        A pair without words has no other fault."""
        tokens = self._count_tokens(question, answer)
        found = self._emptiness(question, answer) or self._faults(question, answer, talk, tokens)
        remarks = [Remark(verdict, self._level_of(verdict), says) for verdict, says in found.items() if says]
        remarks = [remark for remark in remarks if remark.level != "ignore"]
        return sorted(remarks, key=lambda remark: remark.level != "reject"), tokens

    def _level_of(self, verdict: str) -> str:
        """As configured; a verdict that no project can set is a remark."""
        return self._levels.get(verdict, LATER_LEVELS.get(verdict, "warn"))

    def _emptiness(self, question: str, answer: str) -> dict[str, str | None]:
        if not words_of(question):
            return {"empty": "the question has no word"}
        return {} if words_of(AnswerMarkdown(answer).visible_text()) else {"empty": "the answer has no word"}

    def _faults(self, question: str, answer: str, talk: Talk | None, tokens: int) -> dict[str, str | None]:
        markdown = AnswerMarkdown(answer)
        words = words_of(markdown.visible_text())
        language = self._thresholds["language"] or (talk.language if talk else None)
        wording = wording_of(language)
        over = tokens > self._max_tokens
        return {
            **self._faults_of_wording(question, answer, markdown, wording),
            "cut_off": markdown.cut_off(wording.dangling if wording else ()),
            "wrong_language": self._language_fault(question, markdown, language),
            "broken_markdown": control_token_in(f"{question}\n{answer}", self._control_tokens)
            or speaker_label_in(f"{question}\n{answer}", talk.labels if talk else ())
            or markdown.fault(),
            "no_structure": self._structure_fault(markdown, words),
            "too_short": self._length_fault(question, words),
            "too_long": f"{tokens} tokens, training.max_seq_length is {self._max_tokens}" if over else None,
            "repeats_itself": self._repetition(markdown, words),
            **(self._faults_beside(talk, words) if talk else {}),
            **({"other_speaker": talk.voices.fault_of(answer)} if talk and talk.voices else {}),
            "personal_data": personal_data_in(f"{question}\n{answer}", wording.phone_regions if wording else []),
            "prompt_leak": self._leak(question, words),
        }

    def _faults_of_wording(self, question: str, answer: str, markdown: AnswerMarkdown, wording: Wording | None) -> dict:
        chat = chat_words(wording.language if wording else None, question, answer)
        repeats = chat and f"the question again, or a chat program's words around the answer: {chat!r}"
        if wording is None:
            return {"repeats_question": repeats}
        frames = frames_of(wording.language)
        visible = frames.without_brought_in(question, markdown.visible_text())
        outside = wording.points_outside(unquoted(question)) or frames.question_at_source(question)
        about = wording.speaks_about_teacher(question, self._names) or wording.speaks_about_teacher(
            visible, self._names
        )
        about = about or frames.outside_view(question, visible)
        refusal = wording.refuses(unquoted(visible)) or frames.declines(visible)
        at_source = frames.answer_at_source(visible)
        return {
            "refusal": refusal and f"it declines: {refusal!r}",
            "not_standalone": outside and f"the question points outside itself: {outside!r}",
            "third_person": about and f"it speaks of the teacher from outside: {about!r}",
            "points_at_source": at_source and f"the answer speaks of the talk, not of its subject: {at_source!r}",
            "repeats_question": repeats,
        }

    def _language_fault(self, question: str, markdown: AnswerMarkdown, expected: str | None) -> str | None:
        if expected is None:
            return None
        for name, text in (("answer", " ".join(markdown.prose_of())), ("question", question)):
            if word_count(words_of(text)) >= FEWEST_WORDS_OF_A_LANGUAGE:
                found = other_language(text, expected, self._thresholds["language_probability"])
                if found:
                    return f"the {name} is {found}, not {expected}"
        return None

    def _structure_fault(self, markdown: AnswerMarkdown, words: list[str]) -> str | None:
        if word_count(words) >= self._thresholds["structure_from_words"] and not markdown.has_structure():
            return f"{word_count(words)} words in one paragraph, nothing emphasised or listed"
        longest = max((word_count(words_of(text)) for text in markdown.paragraphs()), default=0)
        most = self._thresholds["max_paragraph_words"]
        return f"a paragraph of {longest} words, more than {most}" if longest > most else None

    def _length_fault(self, question: str, words: list[str]) -> str | None:
        asked = word_count(words_of(question))
        if asked < self._thresholds["min_question_words"]:
            return f"a question of {asked} words, fewer than {self._thresholds['min_question_words']}"
        least = self._thresholds["min_answer_words"]
        return f"an answer of {word_count(words)} words, fewer than {least}" if word_count(words) < least else None

    def _repetition(self, markdown: AnswerMarkdown, words: list[str]) -> str | None:
        sentence, times = most_frequent(markdown.prose_of(), WORDS_OF_A_SENTENCE)
        if times >= TIMES_OF_A_LOOP:
            return f"one sentence {times} times: {shortened(sentence.split())}"
        share = repeated_share(words)
        most = self._thresholds["max_repeated_share"]
        says = f"{share:.0%} of its runs of four words came before, more than {most:.0%}"
        return f"{says}, first: {shortened(first_repeated(words))}" if share > most else None

    def _faults_beside(self, talk: Talk, words: list[str]) -> dict[str, str | None]:
        shared, most = shared_run(words, talk.runs), self._thresholds["max_copied_words"]
        run = len(shared) // pieces_of_a_word(words)
        stems = stems_of(words)
        share = len(stems & talk.stems) / len(stems) if stems else 1.0
        least = self._thresholds["min_transcript_share"]
        return {
            "copies_transcript": f"{run} words in a row are the transcript's, more than {most}: {shortened(shared)}"
            if run > most
            else None,
            "off_topic": f"{share:.0%} of its words are in the transcript, fewer than {least:.0%}; not there: "
            f"{shortened(sorted(stems - talk.stems))}"
            if share < least
            else None,
        }

    def _leak(self, question: str, words: list[str]) -> str | None:
        texts = (words_of(question), words)
        run, shared = max(
            (len(shared) // pieces_of_a_word(text), shared) for text, shared in self._shared_with_prompts(texts)
        )
        most = self._thresholds["max_prompt_words"]
        return f"{run} words in a row are the prompt's, more than {most}: {shortened(shared)}" if run > most else None

    def _shared_with_prompts(self, texts: tuple[list[str], ...]) -> list[tuple[list[str], list[str]]]:
        return [(text, shared_run(text, self._prompt_runs)) for text in texts]


def shortened(words: list[str]) -> str:
    """The first words of a run, quoted."""
    return repr(" ".join(words[:SHOWN_WORDS]) + (" ..." if len(words) > SHOWN_WORDS else ""))
