"""Formulas on the chat page, in a real browser: the same ones as on pages that Python writes, drawn, and nothing else."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from browser import WITNESS, launched_browser
from chat_server import ChatServer
from fake_engine import FakeEngine
from hostile import HOSTILE_FORMULAS
from understudy.text.formulas import formula_end

FIND = """async (texts) => {
  const { formulaEnd } = await import("/page/formulas/find_formulas.js");
  return texts.map((text) => [...Array(text.length).keys()].map((at) => formulaEnd(text, at)));
}"""
TEXTS = [
    "a $x$ b$",
    "US$5 and $5-$10 \\$x\\$ $x\\$y$",
    "$$x$$ \\[y\\] \\(z\\) $ $",
    "größe$x$ ($y$)$z$1 `$a$`",
    "$" * 9,
]


@pytest.fixture
def page(theirs: ChatServer) -> Iterator[Page]:
    with launched_browser() as browser:
        opened = browser.new_page()
        opened.add_init_script(WITNESS)
        opened.goto(theirs.url)
        expect(opened.locator("#name")).to_have_text("garden")
        yield opened
        assert opened.evaluate("reported") == []


def asked(page: Page, engine: FakeEngine, answer: str) -> None:
    before = page.locator(".turn").count()
    engine.says(answer)
    page.fill("#question", "How long do cabbage stalks take to rot?")
    page.keyboard.press("Enter")
    expect(page.locator(".turn")).to_have_count(before + 1)
    expect(page.locator(".turn").last.locator("[data-does=edit]")).to_be_visible(timeout=60_000)


@pytest.mark.hostile
def test_formulas_are_found_and_drawn_as_on_other_pages(page, engine):
    texts = [*TEXTS, *(text[:300] for text in HOSTILE_FORMULAS)]
    assert page.evaluate(FIND, texts) == [[formula_end(text, at) for at in range(len(text))] for text in texts]
    asked(page, engine, "A cabbage stalk weighs $\\frac{m}{2}$ of it.\n\n$$\nx = 1\n- y\n$$\n\nSo $5 and $6.")
    body = page.locator(".body").last
    expect(body.locator("math")).to_have_count(2)
    expect(body.locator("math[display=block]")).to_have_count(1)
    expect(body).to_contain_text("So $5 and $6.")
    asked(page, engine, "\n\n".join(HOSTILE_FORMULAS))
    body = page.locator(".body").last
    expect(body.locator(":is(script, a, img, svg, iframe, [style], [onclick], [onload], #search)")).to_have_count(0)
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
