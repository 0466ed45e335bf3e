"""One-file HTML pages in which nothing is trusted: texts are set as text, answers are rendered without HTML, links and images,
and a content security policy allows the page's own script and style and nothing else."""

import base64
import hashlib
import json
from typing import Any

from markdown_it import MarkdownIt

from understudy.text.formulas import find_formulas

# What could load or link something stays as it was written.
RENDERER = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink", "reference"])
find_formulas(RENDERER)


def rendered_answer(answer: str, below: int = 0) -> str:
    """Return the Markdown of an answer as HTML that does nothing.

    On a page with headings of its own, the answer's come `below` them: the highest as h5 below an h4, all others as h6."""
    tokens = RENDERER.parse(answer)
    for token in tokens:
        # A table's cells have a style, which no policy of a page lets through.
        if style := token.attrs.pop("style", None):
            token.attrs["align"] = str(style).removeprefix("text-align:")
    headings = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    highest = min((token.tag for token in headings), default="")
    for token in headings if below else []:
        token.tag = f"h{min(below + (1 if token.tag == highest else 2), 6)}"
    return RENDERER.renderer.render(tokens, RENDERER.options, {})


def as_json_in_html(data: Any) -> str:
    """JSON that can't end the element that it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def content_policy(program: str, style: str, images: str = "") -> str:
    """Return the policy under which one script and one style work; `images` is `data:` for pictures that the page has in it."""
    pictures = f"img-src {images}; " if images else ""
    allowed = f"script-src {source_hash(program)}; style-src {source_hash(style)}"
    return f"default-src 'none'; {pictures}{allowed}; base-uri 'none'; form-action 'none'"


def source_hash(text: str) -> str:
    """What a content security policy calls an inline script or style by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
