"""The ladder of proof as a table, from the record in models/{name}/export.json."""

from typing import Any

from tabulate import tabulate

from understudy.shared.formats import counted, in_gigabytes

HEADERS = ("", "size", "perplexity", "compared with", "same next token", "KL divergence", "KL from the adapters")
ALIGNMENT = ("left", "right", "right", "left", "right", "right", "right")
LABELS = {"adapters": "base with adapters", "fused": "fused", "hf": "Hugging Face folder"}


def ladder_text(record: dict[str, Any]) -> str:
    """Return the table for a terminal, with what it was measured on."""
    return f"{ladder_table(record, 'simple')}\n{measured_on(record)}"


def ladder_markdown(record: dict[str, Any]) -> str:
    """Return the table in GitHub's Markdown, with what it was measured on."""
    return f"{ladder_table(record, 'github')}\n\n{measured_on(record)}\n"


def ladder_table(record: dict[str, Any], layout: str) -> str:
    """Return the table in one of tabulate's layouts."""
    return tabulate(ladder_rows(record), HEADERS, tablefmt=layout, disable_numparse=True, colalign=ALIGNMENT)


def ladder_rows(record: dict[str, Any]) -> list[list[str]]:
    """Return the table's cells, the base model without adapters first."""
    base = ["base", "", f"{record['base']['perplexity']:.3f}", "", "", "", kl(record["base"]["against_first"])]
    return [base, *(row_of(step) for step in record["steps"])]


def row_of(step: dict[str, Any]) -> list[str]:
    before = step["against_previous"]
    return [
        label(step["step"]),
        in_gigabytes(step["bytes"]),
        f"{step['perplexity']:.3f}",
        label(before["step"]) if before else "",
        f"{100 * before['agreement']:.1f} %" if before else "",
        kl(before),
        kl(step["against_first"]),
    ]


def label(step: str) -> str:
    """Return the name of a step as a person reads it."""
    return LABELS.get(step, step)


def kl(comparison: dict[str, Any] | None) -> str:
    return short_kl(comparison["kl"]) if comparison else ""


def short_kl(value: float) -> str:
    """Return a divergence with the three digits that count, and nothing below a millionth."""
    return "0" if value < 1e-6 else f"{value:.3g}"


def measured_on(record: dict[str, Any]) -> str:
    """Say how many positions of how many rows were looked at, and where that is too few."""
    fewer = f", fewer than the {record['wanted_positions']:,} wanted" if record["fewer_than_wanted"] else ""
    return (
        f"Measured on {counted(record['positions'], 'position')} of {counted(record['rows'], 'validation row')} "
        f"(there are {record['validation_rows']:,}, with {record['validation_positions']:,}{fewer}); KL in nats a token. "
        f"The GGUF files answered through llama.cpp's server, the folders through MLX."
    )
