"""Set several runs or projects beside one another, from their evaluation files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from understudy.evaluate.figures import (
    BASE,
    FIGURES,
    HeldOut,
    closeness_statistics,
    estimate_of,
    form_statistics,
    loss_of,
)
from understudy.evaluate.intervals import Interval, Statistic, difference_of, interval_of, mean_of
from understudy.evaluate.measures.form import AnswerForm
from understudy.evaluate.verdict import Difference
from understudy.report.page.figures import OUTCOMES, interval_text
from understudy.report.truth_table import label
from understudy.shared.errors import ConfigurationError, InputFileError
from understudy.shared.files import read_json
from understudy.shared.formats import change_text, counted, figure_text
from understudy.shared.log import log

TUNED = "tuned"
SHOWN = {"loss": "loss", "form_distance": "form", "voice": "voice", "nearness": "nearness", "flawed": "flawed"}
# The voice's classifier learned from each evaluation's own base, so its probabilities are no common measure.
COMPARED = ("loss", "form_distance", "nearness", "flawed")
EVALUATIONS = "models/*/evaluation.json"


@dataclass(frozen=True)
class Evaluated:
    """An evaluation: its name, unlike all others', its path and its record."""

    name: str
    path: Path
    record: dict[str, Any]

    @property
    def asked(self) -> list[tuple[str, str]]:
        """What was asked, and how the teacher answers."""
        return [(row["question"], row["reference"]) for row in self.record["rows"]]


def compare_evaluations(given: Sequence[str]) -> None:
    """Log the figures of all models, and how each evaluation's tuned model differs from the first's.

    `given` are evaluation files or project folders; none is this project. Raises ConfigurationError if one has no evaluation,
    InputFileError if a file is no evaluation."""
    evaluated = read_evaluations(evaluation_files(given))
    log.info("%s\n", figures_table(evaluated))
    first, *others = evaluated
    for other in others:
        log.info("%s\n", difference_text(other, first))
    if not others:
        log.info("There is one evaluation only: %s. Name others: understudy compare PROJECT PROJECT", first.path)


def evaluation_files(given: Sequence[str]) -> list[Path]:
    """Return the files in the order in which they are named, each once."""
    found: dict[Path, None] = {}
    for name in given or ["."]:
        path = Path(name).expanduser()
        files = sorted(path.glob(EVALUATIONS)) if path.is_dir() else [path] if path.is_file() else []
        if not files:
            raise ConfigurationError(
                f"{name!r} is no evaluation.json, and no project folder with {EVALUATIONS}. "
                f"`understudy run models/NAME/evaluation.json` in the project makes it."
            )
        found |= dict.fromkeys(files)
    return list(found)


def read_evaluations(paths: Sequence[Path]) -> list[Evaluated]:
    models = [path.parent.name for path in paths]
    projects = [path.resolve().parents[2].name if len(path.resolve().parents) > 2 else "" for path in paths]
    names = models if len(set(models)) == len(models) else [f"{a}: {b}" for a, b in zip(projects, models, strict=True)]
    names = names if len(set(names)) == len(names) else [str(path) for path in paths]
    return [Evaluated(name, path, read_evaluation(path)) for name, path in zip(names, paths, strict=True)]


def read_evaluation(path: Path) -> dict[str, Any]:
    """Raises InputFileError if the file has no models, rows and settings."""
    record = read_json(path)
    if not isinstance(record, dict) or not {"models", "rows", "settings", "videos"} <= record.keys():
        raise InputFileError(f"{path} is no evaluation of this version of Understudy. Delete it, and make it again.")
    return record


def figures_table(evaluated: Sequence[Evaluated]) -> str:
    """The figures of every model, one line each."""
    lines = [
        [
            each.name if number == 0 else "",
            label(name),
            *(shown(model["figures"], figure) for figure in SHOWN),
            f"{model['general_questions']['right']} of {model['general_questions']['questions']}",
            OUTCOMES[model["verdict"]["status"]] if "verdict" in model else "",
        ]
        for each in evaluated
        for number, (name, model) in enumerate(each.record["models"].items())
    ]
    headers = ["", "model", *SHOWN.values(), "general", "than its base"]
    return tabulate(lines, headers, disable_numparse=True, colalign=("left", "left", *["right"] * 6, "left"))


def shown(figures: dict[str, float], figure: str) -> str:
    return figure_text(figures[figure], FIGURES[figure].is_share) if figure in figures else ""


def difference_text(other: Evaluated, first: Evaluated) -> str:
    """The differences of two tuned models with their intervals, or why they can't be compared."""
    if other.asked != first.asked:
        same = len(set(other.asked) & set(first.asked))
        return (
            f"{other.name} and {first.name} are not compared: they were asked other questions "
            f"({counted(len(other.asked), 'question')} and {len(first.asked):,}, {same:,} of them the same). "
            f"The same rows for both: evaluation.file."
        )
    notes = notes_on(other, first)
    lines = [difference_line(figure, *pair) for figure, pair in differences(other, first).items()]
    headers = (f"{other.name} beside {first.name}", first.name, other.name, "difference", "95 % interval", "")
    table = tabulate(lines, headers, disable_numparse=True, colalign=("left", *["right"] * 4, "left"))
    return "\n".join([table, *notes])


def notes_on(other: Evaluated, first: Evaluated) -> list[str]:
    """What the two were not asked alike."""
    settings = [each.record["settings"] for each in (first, other)]
    unlike = [
        f"{key} {settings[0].get(key)} and {value}"
        for key, value in settings[1].items()
        if settings[0].get(key) != value
    ]
    notes = [f"They were asked differently: {', '.join(unlike)}."] if unlike else []
    if not have_same_tokens(other, first):
        notes.append(
            "Their losses are means over other tokens, and not compared: the base models read text differently."
        )
    return notes


def have_same_tokens(other: Evaluated, first: Evaluated) -> bool:
    counts = [[row["answers"][TUNED]["loss_tokens"] for row in each.record["rows"]] for each in (other, first)]
    return counts[0] == counts[1]


def differences(other: Evaluated, first: Evaluated) -> dict[str, tuple[float, float, Interval]]:
    """Return by figure both values, and the interval of `other` minus `first` over talks."""
    ours, theirs = statistics_of(other), statistics_of(first)
    figures = [figure for figure in COMPARED if figure != "loss" or have_same_tokens(other, first)]
    video_ids = held_out_of(first).video_ids
    rows = len(video_ids)
    return {
        figure: (
            estimate_of(theirs[figure], rows),
            estimate_of(ours[figure], rows),
            interval_of(difference_of(ours[figure], theirs[figure]), video_ids),
        )
        for figure in figures
    }


def held_out_of(evaluated: Evaluated) -> HeldOut:
    return HeldOut({BASE: [{**row, **row["answers"][TUNED]} for row in evaluated.record["rows"]]})


def statistics_of(evaluated: Evaluated) -> dict[str, Statistic]:
    """The figures of the tuned model's answers, from the rows alone."""
    held_out = held_out_of(evaluated)
    rows = held_out.answers[BASE]
    forms, references = ([AnswerForm(**row[key]) for row in rows] for key in ("form", "reference_form"))
    return {
        **form_statistics(forms, references),
        **closeness_statistics(rows, held_out),
        "loss": loss_of(rows),
        "flawed": mean_of([row["flawed"] for row in rows]),
    }


def difference_line(figure: str, before: float, after: float, interval: Interval) -> list[str]:
    is_share, better = FIGURES[figure].is_share, FIGURES[figure].better
    outcome = Difference(figure, "", better, before, after, interval).outcome
    return [
        FIGURES[figure].says,
        figure_text(before, is_share),
        figure_text(after, is_share),
        change_text(interval.estimate, is_share),
        interval_text(interval, is_share),
        OUTCOMES[outcome],
    ]
