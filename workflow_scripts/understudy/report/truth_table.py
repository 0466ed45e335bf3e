"""Truth beside voice as a table: what each arm says in each context, measured against references and passages."""

from typing import Any, NamedTuple

from tabulate import tabulate

from understudy.evaluate.contexts import CONTEXTS_IN_WORDS, PROMPTED
from understudy.shared.formats import counted, figure_text

LABELS = {"reference": "Reference", "base": "Base", "tuned": "Tuned", PROMPTED: "Base with a good prompt"}
# The columns, of figures that are there: those of `truth.figures` that have no short name here stand in evaluation.json alone.
COLUMNS = {
    "facts_found": "facts found",
    "numbers_found": "numbers found",
    "made_up": "made up in 100 words",
    "refused": "decline",
    "system_refused": "with the gate",
    "placed": "sentences with a place",
    "unmarked": "and no mark",
    "length": "length",
    "voice": "voice",
    "voice_in_words": "voice in words",
}


class TruthTable(NamedTuple):
    """`rows` are an arm's name and its cells, each a value with its interval; `first` those that stand on the first screen."""

    headers: list[str]
    rows: list[tuple[str, list[tuple[str, str]]]]
    first: list[tuple[str, list[tuple[str, str]]]]
    note: str


def label(name: str) -> str:
    """The name of a model or an arm as a person reads it."""
    return LABELS.get(name, name)


def arm_label(arm: str, context: str) -> str:
    return f"{label(arm)}, {CONTEXTS_IN_WORDS[context]}"


def truth_table(evaluation: dict[str, Any]) -> TruthTable | None:
    """The table of an evaluation; None for one without arms in contexts, or without a row that truth can be measured on."""
    truth = evaluation.get("truth")
    if truth is None or not truth["rows"]:
        return None
    shown = [name for name in COLUMNS if any(name in arm["figures"] for arm in truth["arms"])]
    rows = [
        (
            arm_label(arm["arm"], arm["context"]),
            [cell(arm["figures"].get(name), truth["figures"][name]) for name in shown],
        )
        for arm in truth["arms"]
    ]
    references = (
        label("reference"),
        [plain_cell(truth["references"].get(name), truth["figures"][name]) for name in shown],
    )
    beside = truth["beside_a_prompt"] or {"context": "retrieved"}
    is_first = [arm["context"] == beside["context"] or arm["arm"] == "tuned" for arm in truth["arms"]]
    first = [row for row, stands in zip(rows, is_first, strict=True) if stands]
    return TruthTable([COLUMNS[name] for name in shown], [*rows, references], [*first, references], note_of(truth))


def cell(interval: dict[str, Any] | None, figure: dict[str, Any]) -> tuple[str, str]:
    """A value and its interval in words, both empty for a figure that an arm doesn't have."""
    if interval is None:
        return "", ""
    value = figure_text(interval["estimate"], figure["is_share"])
    if interval["low"] is None:
        return value, ""
    low, high = interval["low"], interval["high"]
    if figure["is_share"]:
        low, high = max(low, 0.0), min(high, 1.0)
    return value, f"{figure_text(max(low, 0.0), figure['is_share'])} to {figure_text(high, figure['is_share'])}"


def plain_cell(value: float | None, figure: dict[str, Any]) -> tuple[str, str]:
    return ("" if value is None else figure_text(value, figure["is_share"])), ""


def note_of(truth: dict[str, Any]) -> str:
    """Say what was measured, and what the figures can't say."""
    found = truth["passage_found"]
    passages = (
        "" if found is None else f" For {figure_text(found, True)} of them the passages found hold the right place."
    )
    return (
        f"Measured on {counted(truth['rows'], 'question')} that a talk answers.{passages} Made up is a number or a name "
        f"that neither passages nor question have. Words are compared: an answer with all facts may still say the opposite."
        f"{' ' + truth['error'] if truth['error'] else ''}"
    )


def truth_markdown(evaluation: dict[str, Any]) -> str:
    """The table in GitHub's Markdown with its note; nothing where there is none."""
    table = truth_table(evaluation)
    if table is None:
        return ""
    rows = [[name, *(f"{value} ({ends})" if ends else value for value, ends in cells)] for name, cells in table.rows]
    alignment = ["left", *["right"] * len(table.headers)]
    text = tabulate(rows, ["", *table.headers], tablefmt="github", disable_numparse=True, colalign=alignment)
    return f"\n{text}\n\n{table.note}\n"
