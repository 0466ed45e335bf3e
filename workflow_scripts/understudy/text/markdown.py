"""The form of an answer, read off the syntax tree of its markdown: what structure it has, what is broken, where it was cut
off."""

import re
from collections.abc import Collection, Iterator

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from understudy.text.words import words_of

# Entities stay as they are written, so that one can be told from its character.
PARSER = MarkdownIt("commonmark").enable("table").disable("entity")
STRUCTURE = {"strong", "em", "bullet_list", "ordered_list", "heading", "table", "fence", "blockquote", "code_block"}
# German quotations end with what opens English ones: „so.“ and »so.«
SENTENCE_END = re.compile(r"[.!?…。！？؟।][\"'”’“‘»›«\u2039」』)\]*_`\s]*$")
# A symbol, such as an emoji, ends a text as a full stop does.
SYMBOL_END = re.compile(r"[\u2190-\u2bff\u3030\ufe0f\U0001f000-\U0001faff]\s*$")
OPEN_END = re.compile(r"[,;:(\-–—/&]\s*$")
BROKEN_TEXT = [
    (re.compile(r"(?<!\w)\*\*|\*\*(?!\w)"), "`**` that opens or closes nothing"),
    (re.compile(r"`"), "a backtick that opens or closes nothing"),
    (re.compile(r"\]\("), "a link that isn't closed"),
    (re.compile(r"&(?:[a-zA-Z]{2,8}|#\d+|#x[0-9a-fA-F]+);"), "an HTML entity"),
]
HEADING_WITHOUT_SPACE = re.compile(r"#{1,6}[^\W\d_]\w*(?: (?!#)\S+)+$")
NUMBER_MARK = re.compile(r"(?:^|\s)(\d{1,2})[.)](?=\s)")
DASH = " - "
BULLET = "• "


class AnswerMarkdown:
    """An answer and its syntax tree."""

    def __init__(self, text: str):
        self._lines = text.splitlines()
        self._tree = SyntaxTreeNode(PARSER.parse(text))

    def visible_text(self) -> str:
        """What a reader sees, code included, a block a line."""
        return "\n".join(filter(None, (plain_text(node) for node in self._inlines())))

    def paragraphs(self) -> list[str]:
        """The text of each paragraph that is not in a list, a quotation or a table."""
        return [plain_text(node) for node in self._tree.children if node.type == "paragraph"]

    def count(self, kind: str) -> int:
        """How many nodes of a kind there are: `heading`, `strong`, `list_item` ..."""
        return sum(node.type == kind for node in self._tree.walk())

    def has_structure(self) -> bool:
        """Whether something is emphasised, listed, quoted, under a heading, code, or there is more than one paragraph."""
        return len(self.paragraphs()) > 1 or any(node.type in STRUCTURE for node in self._tree.walk())

    def prose_of(self) -> list[str]:
        """Sentences and list items, to compare with each other; code left out."""
        blocks = (plain_text(node) for node in self._inlines() if node.type == "inline")
        return [sentence for block in blocks for sentence in re.split(r"(?<=[.!?…])\s+|\n", block) if sentence.strip()]

    def running_text(self) -> str:
        """What is said in sentences: without headings, code, and words in bold that a block begins with: `**Water:** ...`."""
        blocks = (node for node in self._inlines() if node.type == "inline" and node.parent.type != "heading")
        return "\n".join(filter(None, (plain_text_after_lead(node).strip() for node in blocks)))

    def fault(self) -> str | None:
        """Return what is broken in the markdown, or None."""
        for node in self._tree.walk():
            if node.type in ("html_inline", "html_block"):
                return f"HTML, {node.content.strip()[:40]!r}"
            if node.type == "inline":
                found = self._fault_of_block(node)
                if found:
                    return found
        return None

    def _fault_of_block(self, inline: SyntaxTreeNode) -> str | None:
        for node in inline.walk():
            if node.type == "text":
                found = next((says for pattern, says in BROKEN_TEXT if pattern.search(node.content)), None)
                if found:
                    return found
        lines = plain_text(inline).split("\n")
        if inline.parent.type == "paragraph" and any(line.strip().startswith("|") for line in lines):
            return "a table without its second line"
        if inline.parent.type == "paragraph" and any(HEADING_WITHOUT_SPACE.match(line) for line in lines):
            return "a heading without a space after `#`"
        return "list marks in the middle of a line" if self._has_marks_on_one_line(inline, lines) else None

    def _has_marks_on_one_line(self, inline: SyntaxTreeNode, lines: list[str]) -> bool:
        item = inline.parent.parent
        is_only_item = item is not None and item.type == "list_item" and len(item.parent.children) == 1
        if is_only_item and item.parent.type == "bullet_list":
            return any(line.count(DASH) > 1 for line in lines)
        return any(map(has_list_marks_inside, lines))

    def cut_off(self, dangling: Collection[str]) -> str | None:
        """Return why the answer seems to stop before its end, or None. `dangling` are words that no sentence ends with."""
        last = last_block(self._tree)
        if last is None:
            return None
        if last.type == "fence":
            return None if self._is_closed(last) else "the code block isn't closed"
        if last.type == "heading":
            return "it ends with a heading"
        if last.type != "paragraph":
            return None
        return self._cut_off_paragraph(last, dangling)

    def _cut_off_paragraph(self, paragraph: SyntaxTreeNode, dangling: Collection[str]) -> str | None:
        text = plain_text(paragraph).rstrip()
        if SENTENCE_END.search(text) or SYMBOL_END.search(text) or ends_in_code(paragraph):
            return None
        ending = f"it ends with {text[-30:]!r}"
        if OPEN_END.search(text) or (words_of(text) or [""])[-1] in dangling or not text:
            return ending
        others = other_items(paragraph)
        if others is None:
            return ending
        finished = [bool(SENTENCE_END.search(other)) for other in others]
        return ending if len(finished) > 1 and all(finished) and len(words_of(text)) > 2 else None

    def _is_closed(self, fence: SyntaxTreeNode) -> bool:
        start, end = fence.map
        return end - 1 > start and self._lines[end - 1].strip().lstrip("> ").startswith(fence.markup)

    def _inlines(self) -> Iterator[SyntaxTreeNode]:
        return (node for node in self._tree.walk() if node.type in ("inline", "fence", "code_block"))


def plain_text(node: SyntaxTreeNode) -> str:
    """The text below a node as a reader sees it, with its line breaks."""
    if node.type in ("softbreak", "hardbreak"):
        return "\n"
    if not node.children:
        return node.content if node.type not in ("html_inline", "html_block", "hr") else ""
    return "".join(plain_text(child) for child in node.children)


def plain_text_after_lead(inline: SyntaxTreeNode) -> str:
    """The text of a block without what it has in bold at its beginning, if more follows."""
    parts = [node for node in inline.children if node.type != "text" or node.content]
    begins_bold = len(parts) > 1 and parts[0].type == "strong"
    return "".join(plain_text(node) for node in (parts[1:] if begins_bold else parts)).lstrip(" :.–—-")


def has_list_marks_inside(line: str) -> bool:
    """Whether a line has three items of a list in it: 1. 2. 3., three bullets, or two dashes, one of them after a colon or a
    stop."""
    numbers = " ".join(NUMBER_MARK.findall(line))
    dashes = line.count(DASH) > 1 and (f":{DASH}" in line or f".{DASH}" in line)
    return "1 2 3" in numbers or line.count(BULLET) > 2 or dashes


def last_block(tree: SyntaxTreeNode) -> SyntaxTreeNode | None:
    """The last block of a text that holds no other blocks."""
    node = tree
    while node.children and node.type not in ("paragraph", "heading", "table"):
        node = node.children[-1]
    return None if node is tree else node


def ends_in_code(paragraph: SyntaxTreeNode) -> bool:
    inline = paragraph.children[0] if paragraph.children else None
    return bool(inline and inline.children and inline.children[-1].type == "code_inline")


def other_items(paragraph: SyntaxTreeNode) -> list[str] | None:
    """The texts of the items before this one in its list, or None if it is in no list."""
    node = paragraph
    while node is not None and node.type != "list_item":
        node = node.parent
    return None if node is None else [plain_text(item).rstrip() for item in node.parent.children if item is not node]
