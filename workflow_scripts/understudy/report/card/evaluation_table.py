"""An evaluation as a table: the models beside one another, the references where they have the figure."""

from typing import Any

from tabulate import tabulate

from understudy.report.truth_table import truth_markdown
from understudy.shared.formats import figure_text

SHOWN = ("loss", "form_distance", "voice", "nearness", "chrf", "flawed", "memorised", "tokens")


def evaluation_markdown(evaluation: dict[str, Any]) -> str:
    """Return the verdict and the table in GitHub's Markdown; `evaluation` is what evaluate writes."""
    table = f"{evaluation_table(evaluation, 'github')}\n\n{measured_on(evaluation)}\n"
    return f"{evaluation['verdict']['line']}\n\n{table}{truth_markdown(evaluation)}"


def evaluation_table(evaluation: dict[str, Any], layout: str) -> str:
    """Return the table in one of tabulate's layouts."""
    models = evaluation["models"]
    named = {figure: evaluation["figures"][figure] for figure in SHOWN}
    rows = [
        [
            figure["says"],
            *(in_words(model["figures"].get(name), figure) for model in models.values()),
            in_words(evaluation["references"]["figures"].get(name), figure),
        ]
        for name, figure in named.items()
    ]
    general = [
        f"{model['general_questions']['right']} of {model['general_questions']['questions']}"
        for model in models.values()
    ]
    rows.append(["general questions answered", *general, ""])
    headers = ["", *models, "references"]
    alignment = ["left", *["right"] * (len(headers) - 1)]
    return tabulate(rows, headers, tablefmt=layout, disable_numparse=True, colalign=alignment)


def in_words(value: float | None, figure: dict[str, Any]) -> str:
    return "" if value is None else figure_text(value, figure["is_share"])


def measured_on(evaluation: dict[str, Any]) -> str:
    """Say what was asked."""
    questions = len(evaluation["rows"])
    return f"Measured on {questions} held-out questions of {evaluation['videos']} talks, without a formatting prompt."
