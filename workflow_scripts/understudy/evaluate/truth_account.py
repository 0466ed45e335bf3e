"""What the arms say in each context, measured against references and passages: facts found, made up, declined."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from understudy.evaluate.against_talks import AgainstTalks, SentencePlaces
from understudy.evaluate.contexts import CONTEXTS, PROMPTED, name_in_context
from understudy.evaluate.figures import FIGURES, REFERENCE, Figure, HeldOut, Measured, estimate_of
from understudy.evaluate.intervals import (
    CONFIDENCE,
    Statistic,
    confidence_of_each,
    difference_of,
    interval_of,
    median_of,
    ratio_of,
)
from understudy.evaluate.measures.refusals import refuses
from understudy.evaluate.measures.truth import Found, MadeUp, found_in, length_ratio, made_up_in
from understudy.evaluate.verdict import Difference, beside_a_prompt

TRUTH = {
    "facts_found": Figure("facts of the reference found: numbers, names, content words", "higher", is_share=True),
    "numbers_found": Figure("numbers of the reference found", "higher", is_share=True),
    "names_found": Figure("names of the reference found", "higher", is_share=True),
    "made_up": Figure("made-up numbers and names in 100 words of answers that don't decline", "lower"),
    "answers_with_made_up": Figure("answers with a number or name that is made up", "lower", is_share=True),
    "refused": Figure("answers that decline", is_share=True),
    "system_refused": Figure("questions that the gate or the model declines", is_share=True),
    "placed": Figure("sentences that claim something and have a place in the talks", "higher", is_share=True),
    "unmarked": Figure("sentences with a place and without a mark", "higher", is_share=True),
    "near": Figure("places at most 15 s off the passage that holds the answer", "higher", is_share=True),
    "length": Figure("words for each of the reference's, median"),
    **{name: FIGURES[name] for name in ("voice", "voice_in_words", "flawed")},
}
# What a prompt is compared by: voice and truth. Their intervals hold together, so surely that of a hundred comparisons of a model
# with itself two show a difference.
BESIDE_A_PROMPT = ("voice", "facts_found", "made_up")
TOGETHER = 0.98


@dataclass(frozen=True)
class RowTruth:
    """One answer: whether it declines, what it found (None where nothing could be), what it made up, its length for each of the
    reference's words; where there is an index, the places of its sentences, and whether the gate declines the question."""

    refused: bool
    found: Found | None
    made_up: MadeUp
    length: float
    places: SentencePlaces | None = None
    gate_declines: bool = False

    def as_record(self) -> dict[str, Any]:
        made_up = [f"{number:g}" for number in self.made_up.numbers] + list(self.made_up.names)
        share = None if self.found is None else round(self.found.share, 3)
        return {"refused": self.refused, "facts_found": share, "made_up": made_up}


def row_truth(answer: str, row: dict[str, Any], context: str, talks: AgainstTalks | None = None) -> RowTruth:
    """Measure an answer; `row` is one of held_out_passages.json. Its evidence is the same in every context: the true passage,
    those that are found, and the question; with misses these, too. Raises IndexFault."""
    language = row["language"]
    contexts = ("true", "retrieved", *(("misses",) if context == "misses" else ()))
    passages = [passage for name in contexts for passage in row[name]]
    evidence = [row["question"], *(f"{passage['title']}\n{passage['text']}" for passage in passages)]
    return RowTruth(
        refuses(answer, language),
        found_in(answer, row["reference"], row["question"], language),
        made_up_in(answer, evidence, language),
        length_ratio(answer, row["reference"]),
        talks and talks.places_of(answer, row, context),
        talks is not None and talks.declines(row["question"]),
    )


def truth_statistics(truths: Sequence[RowTruth]) -> dict[str, Statistic]:
    """The figures of an arm in a context; those that nothing could be measured on are left out."""
    nothing = Found(0.0, 0, 0, 0, 0)
    founds = [truth.found or nothing for truth in truths]
    has_facts = np.array([truth.found is not None for truth in truths], float)
    answers = np.array([not truth.refused for truth in truths], float)
    made_up = np.array([truth.made_up.count for truth in truths], float)
    words = [truth.made_up.words for truth in truths]
    parts = {
        "facts_found": ([found.share for found in founds], has_facts),
        "numbers_found": ([found.numbers for found in founds], [found.numbers_of_reference for found in founds]),
        "names_found": ([found.names for found in founds], [found.names_of_reference for found in founds]),
        "made_up": (100 * answers * made_up, answers * words),
        "answers_with_made_up": (answers * (made_up > 0), answers),
        "refused": (1 - answers, np.ones(len(truths))),
        **statistics_of_places(truths),
    }
    found = {name: ratio_of(*each) for name, each in parts.items() if np.sum(each[1])}
    return found | {"length": median_of([truth.length for truth in truths])}


def statistics_of_places(truths: Sequence[RowTruth]) -> dict[str, tuple]:
    """What is told by the index and the gate; nothing without them."""
    places = [truth.places for truth in truths if truth.places is not None]
    if len(places) < len(truths):
        return {}
    placed = [one.placed for one in places]
    claims = [one.claims for one in places]
    return {
        "system_refused": ([float(one.refused or one.gate_declines) for one in truths], np.ones(len(truths))),
        "placed": (placed, claims),
        "unmarked": ([one.unmarked for one in places], claims),
        "near": ([one.near for one in places], placed),
    }


def truth_account(
    passages: dict[str, Any], held_out: HeldOut, measured: Measured, talks: AgainstTalks | None = None
) -> dict[str, Any]:
    """Return what is measured of every answer in a context, of the references, and the tuned model beside the prompted one.

    `passages` is what write_held_out_passages wrote; `held_out` has the arms under name_in_context. Raises IndexFault."""
    rows, names = passages["rows"], names_of_arms(held_out)
    truths = {
        (context, arm): [
            row_truth(said["answer"], row, context, talks)
            for said, row in zip(held_out.answers[name], rows, strict=True)
        ]
        for (context, arm), name in names.items()
    }
    counts = np.array([row["counts"] for row in rows])
    of_references = [row_truth(row["reference"], row, "retrieved", talks) for row in rows]
    statistics = {each: statistics_of(truths[each], measured.statistics[names[each]], counts) for each in names}
    references = statistics_of(of_references, measured.statistics[REFERENCE], counts)
    video_ids = [video_id for video_id, is_counted in zip(held_out.video_ids, counts, strict=True) if is_counted]
    return {
        "figures": {name: asdict(figure) for name, figure in TRUTH.items()},
        "rows": len(video_ids),
        "passage_found": share_found(rows),
        "references": estimates(references, len(video_ids)),
        "arms": [
            {"context": context, "arm": arm, "figures": intervals(statistics[context, arm], video_ids)}
            for context, arm in names
        ],
        "error": error_in_words(statistics, len(video_ids)),
        "beside_a_prompt": tuned_and_prompted(statistics, video_ids),
        "answers": [
            {
                name_in_context(arm, context): said_and_found(
                    held_out.answers[name][number], truths[context, arm][number]
                )
                for (context, arm), name in names.items()
            }
            for number in range(len(rows))
        ],
    }


def names_of_arms(held_out: HeldOut) -> dict[tuple[str, str], str]:
    """The name in `held_out` of each context with an arm, contexts in their order. What was asked without anything, as the models
    of every evaluation are, is the context none."""
    plain = {
        ("none", name): name
        for name, rows in held_out.answers.items()
        if "/" not in name and not any(row.get("framed") for row in rows)
    }
    asked = {tuple(name.split("/")): name for name in held_out.answers if "/" in name}
    return dict(sorted((plain | asked).items(), key=lambda each: CONTEXTS.index(each[0][0])))


def said_and_found(said: dict[str, Any], truth: RowTruth) -> dict[str, Any]:
    return {**{key: said[key] for key in ("answer", "finish_reason", "tokens")}, **truth.as_record()}


def error_in_words(statistics: dict[tuple[str, str], dict[str, Statistic]], rows: int) -> str | None:
    """What a reader of the tuned model's answers has to expect, for chat, page and card; None where it wasn't asked with the
    passages that are found, or declined everything."""
    found = statistics.get(("retrieved", "tuned"), {}).get("answers_with_made_up")
    if found is None:
        return None
    of_ten = f"{10 * estimate_of(found, rows):.0f}"
    return f"Of ten such answers about {of_ten} have a number or a name that the passages don't have."


def statistics_of(
    truths: Sequence[RowTruth], measured: dict[str, Statistic], counts: np.ndarray
) -> dict[str, Statistic]:
    """The figures on the rows that count, shape (rows,) of booleans: those of truth, and of `measured`, which is of all rows, the
    others that are shown beside them. None where no row counts."""
    if not counts.any():
        return {}
    counted = [truth for truth, is_counted in zip(truths, counts, strict=True) if is_counted]
    others = {name: on_rows(statistic, counts) for name, statistic in measured.items() if name in TRUTH}
    return truth_statistics(counted) | others


def on_rows(statistic: Statistic, chosen: np.ndarray) -> Statistic:
    """A figure of all rows as one of the chosen rows alone."""

    def of_chosen(drawn: np.ndarray) -> np.ndarray:
        of_all = np.zeros((len(drawn), len(chosen)))
        of_all[:, chosen] = drawn
        return statistic(of_all)

    return of_chosen


def share_found(rows: Sequence[dict]) -> float | None:
    """The share of the rows that count whose true passage is among those found."""
    found = [row["is_found"] for row in rows if row["counts"]]
    return sum(found) / len(found) if found else None


def estimates(statistics: dict[str, Statistic], rows: int) -> dict[str, float]:
    return {name: estimate_of(statistics[name], rows) for name in TRUTH if name in statistics}


def intervals(statistics: dict[str, Statistic], video_ids: Sequence[str]) -> dict[str, Any]:
    return {name: interval_of(statistics[name], video_ids)._asdict() for name in TRUTH if name in statistics}


def tuned_and_prompted(
    statistics: dict[tuple[str, str], dict[str, Statistic]], video_ids: Sequence[str]
) -> dict[str, Any] | None:
    """Compare the two in the context that a user would have: retrieved, or the next that both were asked in; None where there is
    none."""
    order = ("retrieved", "true", "none", "misses")
    context = next((each for each in order if {(each, "tuned"), (each, PROMPTED)} <= statistics.keys()), None)
    if context is None or not video_ids:
        return None
    tuned, prompted = statistics[context, "tuned"], statistics[context, PROMPTED]
    shared = [name for name in TRUTH if name in tuned and name in prompted]
    judged = [name for name in BESIDE_A_PROMPT if name in shared]
    confidence = dict.fromkeys(shared, CONFIDENCE) | dict.fromkeys(
        judged, confidence_of_each(max(1, len(judged)), TOGETHER)
    )
    differences = {
        name: interval_of(difference_of(tuned[name], prompted[name]), video_ids, confidence[name]) for name in shared
    }
    compared = [
        Difference(
            name,
            TRUTH[name].says,
            TRUTH[name].better,
            *(estimate_of(each[name], len(video_ids)) for each in (prompted, tuned)),
            differences[name],
            TRUTH[name].is_share,
        )
        for name in judged
    ]
    return {
        "context": context,
        "differences": {name: interval._asdict() for name, interval in differences.items()},
        **beside_a_prompt(compared, context),
    }
