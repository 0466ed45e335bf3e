"""Formulas in Markdown, for markdown-it-py: $...$, $$...$$, \\(...\\) and \\[...\\].

They are written as text in an element of the class `formula`; a script of the page draws them, and without it they stay as they
were written. serving/page/formulas/find_formulas.js finds the same on the chat page; a test compares them."""

from html import escape

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

LONGEST, MOST_LINES = 2000, 100
CLOSES = {"$$": "$$", "\\[": "\\]", "\\(": "\\)", "$": "$"}


def formula_end(text: str, at: int) -> int:
    """Where the formula ends that begins at a place of a text; 0 where none begins. Sums of money are none."""
    opening = next((signs for signs in CLOSES if text.startswith(signs, at)), None)
    if opening is None or (opening[0] == "$" and at > 0 and is_word_sign(text[at - 1])):
        return 0
    first, closing = at + len(opening), CLOSES[opening]
    if opening == "$" and text[first : first + 1].strip() == "":
        return 0
    here = first
    while here < min(len(text), at + LONGEST):
        if text[here] == "`":
            return 0
        if text.startswith(closing, here):
            after = text[here + len(closing) : here + len(closing) + 1]
            if not text[first:here].strip():
                return 0
            if opening == "$" and (text[here - 1].isspace() or (after and after in "0123456789$")):
                return 0
            return here + len(closing)
        here += 2 if text[here] == "\\" else 1
    return 0


def is_word_sign(sign: str) -> bool:
    return sign.isalnum() or sign in "_$\\"


def inline_formula(state: StateInline, silent: bool) -> bool:
    end = formula_end(state.src, state.pos)
    if not end:
        return False
    if not silent:
        state.push("formula", "span", 0).content = state.src[state.pos : end]
    state.pos = end
    return True


def block_formula(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """One that has lines of its own, which a list or a heading might be seen in otherwise."""
    begin = state.bMarks[start_line] + state.tShift[start_line]
    if state.is_code_block(start_line) or not state.src.startswith(("$$", "\\["), begin):
        return False
    last = start_line
    while (
        last + 1 < min(end_line, start_line + MOST_LINES)
        and not state.isEmpty(last + 1)
        and state.sCount[last + 1] >= state.blkIndent
    ):
        last += 1
    lines = [
        state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip()
        for line in range(start_line, last + 1)
    ]
    for count in range(1, len(lines) + 1):
        source = "\n".join(lines[:count])
        end = formula_end(source, 0)
        if end and end < len(source):
            return False
        if end:
            if not silent:
                state.line = start_line + count
                token = state.push("formula_block", "div", 0)
                token.content, token.map, token.block = source, [start_line, state.line], True
            return True
    return False


def find_formulas(renderer: MarkdownIt) -> None:
    """Make a MarkdownIt find formulas and write them as text in an element of the class `formula`."""
    renderer.inline.ruler.before("escape", "formula", inline_formula)
    alternatives = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    renderer.block.ruler.before("fence", "formula_block", block_formula, alternatives)
    renderer.add_render_rule("formula", lambda self, tokens, number, *_: shown("span", tokens[number].content))
    renderer.add_render_rule("formula_block", lambda self, tokens, number, *_: shown("div", tokens[number].content))


def shown(element: str, source: str) -> str:
    return f'<{element} class="formula">{escape(source)}</{element}>' + ("\n" if element == "div" else "")
