"""Measure what every model answered, and say whether the tuned one is better than its base, and on what."""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from understudy.evaluate.against_talks import AgainstTalks
from understudy.evaluate.figures import (
    BASE,
    FIGURES,
    REFERENCE,
    HeldOut,
    Measured,
    differences_from,
    estimate_of,
    measured,
)
from understudy.evaluate.general.questions import general_questions, is_right
from understudy.evaluate.held_out_rows import HeldOutRow, PairsOfRows
from understudy.evaluate.intervals import CONFIDENCE, confidence_of_each, difference_of, interval_of, mean_of
from understudy.evaluate.measures.phrases import FoundPhrase
from understudy.evaluate.truth_account import truth_account
from understudy.evaluate.verdict import Bound, Difference, verdict_of
from understudy.passages.search import Search
from understudy.passages.store import PASSAGES, open_store
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, read_json_lines, write_json
from understudy.shared.log import log

# What the verdict rests on; all other figures are shown with it. Their intervals hold together.
JUDGED = ("loss", "form_distance", "voice", "nearness", "flawed")
# Ten of a hundred; by chance alone some are answered otherwise.
MOST_FORGOTTEN = 0.1
# By a fifth.
MOST_PERPLEXITY_RISE = 0.2
# An answer to some other question is nearer to half of the others' references.
MOST_OFF_TOPIC = 0.4
# Set phrases are no memory: the references' own share is taken off.
MOST_MEMORISED = 0.1


def evaluate(
    answers: dict[str, str],
    train: str,
    pairs: str,
    tokenizer: str,
    output: str,
    in_context: dict[str, str] | None = None,
    passages: str | None = None,
    index: str | None = None,
    gate: str | None = None,
) -> None:
    """Write the evaluation of the models in `answers`, paths of what answer_held_out wrote by name, with `base` and `tuned`.

    `in_context` are paths of what answer_in_context wrote by `retrieved/tuned`, `passages` the file of the passages that were
    asked with, `index` the record of the index that they are from, and `gate` its gate. Raises InputFileError if not all were
    asked the same questions, IndexFault."""
    said = {name: read_json(path) for name, path in answers.items()}
    in_context = in_context or {}
    arms = {name: read_json(path) for name, path in in_context.items()}
    check_same_questions(said | arms, answers | in_context)
    held_out = HeldOut({name: record["rows"] for name, record in (said | arms).items()})
    found = measured(held_out, trained_answers(train, pairs), token_counter(tokenizer))
    verdicts = {name: compared(name, BASE, said, held_out, found) for name in said if name != BASE}
    truth = {}
    if passages:
        with against_talks(index, gate) as talks:
            truth = {"truth": truth_account(read_json(passages), held_out, found, talks)}
    if truth and (beside := truth["truth"]["beside_a_prompt"]):
        verdicts["tuned"]["verdict"] = with_prompt(verdicts["tuned"]["verdict"], beside)
    models = {name: account_of(record, found, held_out) | verdicts.get(name, {}) for name, record in said.items()}
    write_json(
        output,
        {
            "verdict": verdicts["tuned"]["verdict"],
            "videos": len(set(held_out.video_ids)),
            "settings": said[BASE]["settings"],
            "models": models,
            "references": {"figures": estimates(found, REFERENCE, held_out)},
            "figures": {name: asdict(figure) for name, figure in FIGURES.items()},
            "teacher": {"auc": found.voice_auc, "phrases": [phrase_record(phrase) for phrase in found.phrases]},
            "rows": rows_of(held_out, found, list(said)),
            **truth,
        },
    )
    for name, compared_one in verdicts.items():
        log.info("%s: %s", name, compared_one["verdict"]["line"])


@contextlib.contextmanager
def against_talks(index: str | None, gate: str | None) -> Iterator[AgainstTalks | None]:
    """What measures answers by the index with this record, and by its gate; None without them."""
    if index is None or gate is None:
        yield None
        return
    with open_store(Path(index).with_name(PASSAGES)) as store:
        yield AgainstTalks(Search(store), Path(gate))


def with_prompt(verdict: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    """The verdict with what is said of a prompt in place of the training."""
    reasons = {**verdict["reasons"], "Would a prompt have done?": [beside["opening"], *beside["reasons"]]}
    return {**verdict, "line": f"{verdict['line']} {beside['line']}", "reasons": reasons}


def account_of(record: dict, found: Measured, held_out: HeldOut) -> dict[str, Any]:
    """Return a model's figures, its losses elsewhere, and how many general questions it answers."""
    figures = estimates(found, record["model"]["which"], held_out)
    return {
        **record["model"],
        "figures": figures,
        "perplexity": math.exp(figures["loss"]),
        **losses_elsewhere(record),
        "general_questions": general_account(record),
        "seconds": record["seconds"],
    }


def estimates(found: Measured, name: str, held_out: HeldOut) -> dict[str, float]:
    rows = len(held_out.references)
    return {figure: estimate_of(statistic, rows) for figure, statistic in found.statistics[name].items()}


def check_same_questions(said: dict[str, dict], paths: dict[str, str]) -> None:
    asked = [(row["row"], row["question"]) for row in said[BASE]["rows"]]
    for name, record in said.items():
        if [(row["row"], row["question"]) for row in record["rows"]] != asked:
            raise InputFileError(
                f"{paths[name]} has answers to other questions than {paths[BASE]}. Delete both, and run the same command again."
            )


def trained_answers(train: str, pairs: str) -> list[tuple[str, str]]:
    """The training answers with their videos; what belongs to no talk is a group of its own."""
    known = PairsOfRows(pairs)
    rows = [HeldOutRow(line, row["messages"], None) for line, row in read_json_lines(train)]
    return [(row.reference, (known.pair_of(row) or {}).get("video_id") or f"row {row.line}") for row in rows]


def token_counter(path: str) -> Callable[[str], int]:
    tokenizer = Tokenizer.from_file(path)
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def compared(name: str, other: str, said: dict[str, dict], held_out: HeldOut, found: Measured) -> dict[str, Any]:
    """Return the differences of a model from another one, and the verdict on it."""
    judged = [figure for figure in JUDGED if figure in found.statistics[name]]
    confidence = dict.fromkeys(FIGURES, CONFIDENCE) | dict.fromkeys(judged, confidence_of_each(len(judged)))
    intervals = differences_from(found, name, other, held_out.video_ids, confidence)
    rows = len(held_out.references)
    differences = [
        Difference(
            figure,
            FIGURES[figure].says,
            FIGURES[figure].better,
            *(estimate_of(found.statistics[each][figure], rows) for each in (other, name)),
            intervals[figure],
            FIGURES[figure].is_share,
        )
        for figure in judged
    ]
    forgetting = forgotten(said[other], said[name])
    copied = memorised(found, name, rows)
    nearness = next(difference for difference in differences if difference.measure == "nearness")
    bounds = [
        Bound("forgetting", "right answers to general questions fell by", forgetting["drop"].estimate, MOST_FORGOTTEN),
        Bound(
            "general_text", "perplexity of general text rose by", forgetting["perplexity_rise"], MOST_PERPLEXITY_RISE
        ),
        Bound("memorising", "answers copied from the training's, less the references' share:", copied, MOST_MEMORISED),
    ]
    # What is no farther off than before hasn't come from the training.
    if len(set(held_out.video_ids)) > 1 and nearness.tuned < nearness.base:
        bounds.append(
            Bound("off_topic", "other talks' references nearer than the own one:", 1 - nearness.tuned, MOST_OFF_TOPIC)
        )
    return {
        "compared_with": other,
        "verdict": verdict_of(differences, bounds),
        "differences": {figure: interval._asdict() for figure, interval in intervals.items()},
        "forgetting": {**forgetting, "drop": forgetting["drop"]._asdict()},
    }


def forgotten(other: dict, tuned: dict) -> dict[str, Any]:
    """Return the drop in the share of right answers to the general questions, each a group of its own, and the rise of the
    perplexity of general text, 0.1 for a tenth."""
    before, after = (right_answers(record) for record in (other, tuned))
    drop = interval_of(difference_of(mean_of(before), mean_of(after)), [str(number) for number in range(len(before))])
    losses = [record["general_text"]["loss"] / record["general_text"]["loss_tokens"] for record in (tuned, other)]
    return {"drop": drop, "perplexity_rise": math.exp(losses[0] - losses[1]) - 1}


def right_answers(record: dict) -> list[bool]:
    answers = {each["id"]: each["answer"] for each in record["general_questions"]}
    return [is_right(question, answers[question.id]) for question in general_questions()]


def memorised(found: Measured, name: str, rows: int) -> float:
    tuned, references = (found.statistics[each]["memorised"] for each in (name, REFERENCE))
    return max(0.0, estimate_of(difference_of(tuned, references), rows))


def losses_elsewhere(record: dict) -> dict[str, float]:
    """Nats a token on a sample of the training rows and on general text."""
    trained = record["training_rows"]
    text = record["general_text"]
    return {
        "training_loss": sum(row["loss"] for row in trained) / sum(row["loss_tokens"] for row in trained),
        "general_text_loss": text["loss"] / text["loss_tokens"],
    }


def general_account(record: dict) -> dict[str, Any]:
    right = right_answers(record)
    categories: dict[str, list[bool]] = {}
    for question, is_answered in zip(general_questions(), right, strict=True):
        categories.setdefault(question.category, []).append(is_answered)
    return {
        "questions": len(right),
        "right": sum(right),
        "by_category": {name: {"questions": len(each), "right": sum(each)} for name, each in categories.items()},
    }


def phrase_record(phrase: FoundPhrase) -> dict[str, Any]:
    words = phrase.words[1:] if phrase.is_opening else phrase.words
    return {**phrase._asdict(), "words": " ".join(words), "z": round(phrase.z, 2), "is_opening": phrase.is_opening}


def rows_of(held_out: HeldOut, found: Measured, names: list[str]) -> list[dict[str, Any]]:
    """One record a row: question, reference, and the answers of the models `names` with their form and flaws."""
    records = []
    for number, row in enumerate(held_out.answers[BASE]):
        answers = {
            name: {
                **{key: rows[number][key] for key in ("answer", "finish_reason", "tokens", "loss", "loss_tokens")},
                **found.by_row[name][number],
            }
            for name, rows in held_out.answers.items()
            if name in names
        }
        records.append(
            {
                **{key: row[key] for key in ("row", "video_id", "question", "reference")},
                "reference_form": found.by_row[REFERENCE][number]["form"],
                "answers": answers,
            }
        )
    return records
