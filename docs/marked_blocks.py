"""The parts of a page that scripts make, each between the lines `<!-- make docs: NAME -->` and `<!-- end of NAME -->`."""

from collections.abc import Mapping
from pathlib import Path


def page_with_blocks(page: Path, blocks: Mapping[str, str]) -> str:
    """Return the page's text with each named block in its place; a block ends with a line end.

    Raises ValueError if a block's two marks are not on the page once each, in this order."""
    text = page.read_text(encoding="utf-8")
    for name, block in blocks.items():
        begin, end = f"<!-- make docs: {name} -->\n", f"<!-- end of {name} -->\n"
        if [text.count(begin), text.count(end)] != [1, 1] or text.index(begin) > text.index(end):
            raise ValueError(
                f"{page.name}: the text that `make docs` makes for {name!r} goes between two lines of their own, once each and "
                f"in this order: {begin.strip()} and {end.strip()}"
            )
        before, rest = text.split(begin)
        text = before + begin + block + end + rest.split(end)[1]
    return text
