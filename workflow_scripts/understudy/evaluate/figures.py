"""What an evaluation measures of the models' answers to the held-out questions: each figure with its words and its interval."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from understudy.evaluate.intervals import Statistic, difference_of, interval_of, mean_of
from understudy.evaluate.measures.closeness import chrf, nearness_to_own_reference, rouge_l
from understudy.evaluate.measures.form import AnswerForm, form_distances, form_of
from understudy.evaluate.measures.memorising import LONG_RUN, TrainedRuns
from understudy.evaluate.measures.phrases import FoundPhrase, phrase_use
from understudy.evaluate.measures.voice import voice_of, words_alone
from understudy.text.repetition import answer_flaws

REFERENCE, BASE = "reference", "base"
# As the doctor of the data set: what repeats more is a loop.
MOST_REPEATED = 0.25


@dataclass(frozen=True)
class Figure:
    """A measure in words; `better` says which way, None where neither is better by itself."""

    says: str
    better: Literal["lower", "higher"] | None = None
    is_share: bool = False


FIGURES = {
    "loss": Figure("loss of the reference answers, nats a token", "lower"),
    "form_distance": Figure("distance to the references' form, in their standard deviations", "lower"),
    "voice": Figure("probability of being the teacher's, by a classifier", "higher", is_share=True),
    "voice_in_words": Figure(
        "the same by the words alone, without headings, bold openings and punctuation", "higher", is_share=True
    ),
    "nearness": Figure("nearness to the own reference among those of other talks", "higher", is_share=True),
    "flawed": Figure("answers that are empty, cut off or repeat themselves", "lower", is_share=True),
    "empty": Figure("empty answers", "lower", is_share=True),
    "endless": Figure("answers cut off by max_tokens", "lower", is_share=True),
    "repetitive": Figure("answers that repeat themselves", "lower", is_share=True),
    "phrases": Figure("answers with a phrase of the teacher's", is_share=True),
    "openings": Figure("answers with an opening of the teacher's", is_share=True),
    "chrf": Figure("chrF to the reference, 0 to 100", "higher"),
    "rouge_l": Figure("ROUGE-L to the reference, 0 to 1", "higher"),
    "memorised": Figure(f"answers with {LONG_RUN} words in a row from the training answers", "lower", is_share=True),
    "tokens": Figure("tokens in an answer"),
    "words_per_sentence": Figure("words in a sentence"),
    "headings": Figure("headings in an answer"),
    "bold": Figure("bold passages in an answer"),
    "list_items": Figure("list items in an answer"),
    "paragraphs": Figure("paragraphs in an answer"),
}


@dataclass(frozen=True)
class HeldOut:
    """The held-out rows and every model's answers to them: `answers[name]` are the rows of a file that answer_held_out wrote."""

    answers: dict[str, list[dict]]

    @property
    def references(self) -> list[str]:
        return [row["reference"] for row in self.answers[BASE]]

    @property
    def video_ids(self) -> list[str]:
        """One a row; what belongs to no talk is a group of its own."""
        return [row["video_id"] or f"row {row['row']}" for row in self.answers[BASE]]

    def texts(self) -> dict[str, list[str]]:
        """One answer a row by name, the references among them."""
        return {REFERENCE: self.references} | {
            name: [row["answer"] for row in rows] for name, rows in self.answers.items()
        }


@dataclass(frozen=True)
class Measured:
    """`statistics[name][figure]`, `by_row[name]`: one record a row, what the teacher says often, and how well teacher and base
    are told apart (None for one talk)."""

    statistics: dict[str, dict[str, Statistic]]
    by_row: dict[str, list[dict[str, Any]]]
    phrases: list[FoundPhrase]
    voice_auc: float | None


def measured(held_out: HeldOut, trained: Sequence[tuple[str, str]], count_tokens: Callable[[str], int]) -> Measured:
    """Measure all answers; `trained` are the training answers with their videos."""
    texts, video_ids = held_out.texts(), held_out.video_ids
    forms = {name: [form_of(answer, count_tokens) for answer in said] for name, said in texts.items()}
    training = ([answer for answer, _ in trained], [video for _, video in trained])
    phrases, use = phrase_use(training, texts, video_ids)
    voice, in_words = voice_of(texts, video_ids), voice_of(texts, video_ids, words_alone)
    runs = TrainedRuns(training[0])
    statistics, by_row = {}, {}
    for name, said in texts.items():
        rows = held_out.answers.get(name)
        flaws = flaws_of(said, rows)
        repeats = [runs.longest_repeat(answer) for answer in said]
        statistics[name] = {
            **form_statistics(forms[name], forms[REFERENCE]),
            **{flaw: mean_of([row[flaw] for row in flaws]) for flaw in flaws[0]},
            "phrases": mean_of(use[name].phrases),
            "openings": mean_of(use[name].openings),
            "memorised": mean_of([repeat >= LONG_RUN for repeat in repeats]),
        }
        if voice:
            statistics[name]["voice"] = mean_of(voice.probabilities[name])
            statistics[name]["voice_in_words"] = mean_of(in_words.probabilities[name])
        if rows:
            statistics[name] |= closeness_statistics(rows, held_out)
        if rows and "loss" in rows[0]:
            statistics[name]["loss"] = loss_of(rows)
        by_row[name] = [
            {"form": form._asdict(), **flaw, "words_repeated_from_training": repeat}
            | ({"voice": round(float(voice.probabilities[name][number]), 3)} if voice else {})
            for number, (form, flaw, repeat) in enumerate(zip(forms[name], flaws, repeats, strict=True))
        ]
    return Measured(statistics, by_row, phrases, voice.auc if voice else None)


def form_statistics(forms: Sequence[AnswerForm], references: Sequence[AnswerForm]) -> dict[str, Statistic]:
    counted = ("tokens", "words_per_sentence", "headings", "bold", "list_items", "paragraphs")
    means = {name: mean_of([getattr(form, name) for form in forms]) for name in counted}
    return {"form_distance": form_distances(forms, references)["overall"], **means}


def flaws_of(said: Sequence[str], rows: Sequence[dict] | None) -> list[dict[str, bool]]:
    reasons = [row["finish_reason"] for row in rows] if rows else ["stop"] * len(said)
    flaws = [answer_flaws(answer, reason, MOST_REPEATED) for answer, reason in zip(said, reasons, strict=True)]
    return [{**flaw, "flawed": any(flaw.values())} for flaw in flaws]


def closeness_statistics(rows: Sequence[dict], held_out: HeldOut) -> dict[str, Statistic]:
    said, references = [row["answer"] for row in rows], held_out.references
    pairs = list(zip(said, references, strict=True))
    return {
        "nearness": mean_of(nearness_to_own_reference(said, references, held_out.video_ids)),
        "chrf": mean_of([chrf(*pair) for pair in pairs]),
        "rouge_l": mean_of([rouge_l(*pair) for pair in pairs]),
    }


def loss_of(rows: Sequence[dict]) -> Statistic:
    """Nats a token over all tokens of the references."""
    tokens = [row["loss_tokens"] for row in rows]
    return mean_of([row["loss"] / row["loss_tokens"] for row in rows], tokens)


def estimate_of(statistic: Statistic, rows: int) -> float:
    return float(statistic(np.ones((1, rows)))[0])


def differences_from(
    measured_: Measured, name: str, other: str, video_ids: Sequence[str], confidence: dict[str, float]
) -> dict[str, Any]:
    """Return the intervals of all figures that both models have, `name` minus `other`; `confidence` by figure."""
    ours, theirs = measured_.statistics[name], measured_.statistics[other]
    return {
        figure: interval_of(difference_of(ours[figure], theirs[figure]), video_ids, confidence[figure])
        for figure in FIGURES
        if figure in ours and figure in theirs
    }
