"""Formulas of answers: which signs are one, and that a page draws it and nothing else."""

import hashlib
import json

import pytest

from browser import offline_browser, opened
from hostile import HOSTILE_FORMULAS
from understudy.report.formulas import PROGRAMS, with_formulas
from understudy.text.safe_html import as_json_in_html, content_policy, rendered_answer

STYLE = "body { overflow-wrap: anywhere; } .formula { max-width: 100%; contain: paint; display: inline-block; }"
PROGRAM = """
document.body.innerHTML = JSON.parse(document.getElementById("data").textContent).html;
globalThis.drawFormulas?.(document.body);
"""


def formulas_in(answer: str) -> int:
    return rendered_answer(answer).count('class="formula"')


@pytest.fixture(scope="module")
def browser():
    with offline_browser() as context:
        yield context


def shown(browser, folder, answer: str):
    """A page of one answer, as report and review are made."""
    data = as_json_in_html({"html": rendered_answer(answer)})
    program = with_formulas(PROGRAM, data)
    path = folder / "page.html"
    policy = content_policy(program, STYLE)
    path.write_text(
        f'<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<style>{STYLE}</style>"
        f'<body><script type="application/json" id="data">{data}</script><script>{program}</script>',
        encoding="utf-8",
    )
    return opened(browser, path)


def test_katex_is_the_file_that_its_record_names():
    record = json.loads((PROGRAMS / "katex.json").read_text())
    data = (PROGRAMS / "katex.js").read_bytes()
    assert hashlib.sha256(data).hexdigest() == record["sha256"]
    assert f'"{record["version"]}"'.encode() in data and b"</script" not in data and b"<!--" not in data
    assert "Khan Academy" in (PROGRAMS / "katex.LICENSE").read_text()


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        ("With $E = mc^2$ and $a_1 + b_1$, \\(x\\), \\[y\\] and $$z$$.", 5),
        ("It costs $5 and $10, US$5 or 5$ and 6$, $5-$10, $ 5 $.", 0),
        ("`$x$`, $5 `x$` and \\$x\\$, set $HOME and $PATH", 0),
        ("$$\nx = 1\n- y\n+ z\n$$\nand so on", 1),
        ("- one\n\n  \\[\n  x\n  \\]\n- two", 1),
        ("| a | b |\n| --- | --- |\n| $x$ | 2 |", 1),
        ("$x", 0),
        ("$$\nx\n\ny\n$$", 0),
    ],
)
def test_what_is_a_formula(answer, count):
    assert formulas_in(answer) == count


def test_a_page_without_formulas_has_no_program_for_them():
    assert with_formulas(PROGRAM, as_json_in_html({"html": rendered_answer("It costs $5.")})) == PROGRAM


def test_formulas_are_drawn(browser, tmp_path):
    page, complaints = shown(
        browser, tmp_path, "Energy: $E = mc^2$.\n\n$$\n\\frac{a}{b}\n$$\n\n$\\nonsense$ and \\(\\text{kg}\\)"
    )
    assert page.locator("math").count() == 3
    assert page.locator("math[display=block] mfrac").count() == 1
    assert page.locator("math msup mi").first.text_content() == "c"
    assert "$\\nonsense$" in page.locator("body").inner_text()
    assert (complaints, page.evaluate("reported")) == ([], [])
    page.close()


@pytest.mark.hostile
def test_a_hostile_formula_is_none_and_does_nothing(browser, tmp_path):
    answer = "\n\n".join(["First $\\frac{1}{2}$.", *HOSTILE_FORMULAS, "Last $\\frac{1}{2}$."])
    page, complaints = shown(browser, tmp_path, answer)
    assert (
        page.locator("body :is(a, img, svg, iframe, [style], [onclick], [onload], [class*=enclosing], #search)").count()
        == 0
    )
    assert page.locator("body script").count() == 0
    assert page.evaluate("window.hacked") is None
    assert (complaints, page.evaluate("reported")) == ([], [])
    assert page.locator("p", has_text="First").locator("mfrac").count() == 1
    assert page.locator("p", has_text="Last").locator("mfrac").count() == 1, "one formula doesn't change another"
    # What is wide is cut off at its own box, which is no wider than the page.
    boxes = page.locator(".formula").evaluate_all("found => found.map(each => each.getBoundingClientRect().width)")
    assert max(boxes) <= 1280 and page.evaluate("document.documentElement.scrollWidth") <= 1280
    page.close()
