"""Formulas on pages of one file: the program that draws them goes into the page, where it has any."""

from pathlib import Path

PROGRAMS = Path(__file__).parents[1] / "serving/page/formulas"


def with_formulas(program: str, data: str) -> str:
    """The program of a page whose answers are in `data`, JSON for HTML; before it, if there is a formula, what draws them."""
    if 'class=\\"formula\\"' not in data:
        return program
    drawing = [(PROGRAMS / name).read_text(encoding="utf-8") for name in ("katex.js", "formulas.js")]
    return "\n".join(['"use strict";', *drawing, program])
