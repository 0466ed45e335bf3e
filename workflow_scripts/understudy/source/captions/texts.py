"""Texts without times: a blog post, a handout. A front matter may give `title:`, `url:` and `language:`."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from understudy.shared.log import log
from understudy.shared.safe_markdown import plain_title
from understudy.source.captions.speakers import Segment
from understudy.text.markdown import AnswerMarkdown

SUFFIXES = (".txt", ".md")
# A file that tells of the folder is no talk.
NO_TEXTS = re.compile(r"readme(?:\.\w+)*\.md", re.IGNORECASE)
# YAML between dashes, TOML between pluses.
FRONT_MATTER = re.compile(r"\s*(---|\+\+\+)[^\S\n]*\n(.*?)^\1[^\S\n]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
KEY = re.compile(r"^(title|url|lang(?:uage)?)(?::|\s{0,9}=)[^\S\n]*(.*)$", re.MULTILINE | re.IGNORECASE)
LINE_OF_KEYS = re.compile(r"[\w.-]+(?::(?:\s|$)|\s{0,9}=)|\s|- |#|\[|\]")
LONGEST_FRONT_MATTER = 10_000
LONGEST_ADDRESS = 500


def front_matter_of(text: str) -> tuple[dict[str, str], str]:
    """The keys that are known here of a text's front matter, and the text behind it."""
    found = FRONT_MATTER.match(text[:LONGEST_FRONT_MATTER].lstrip("\ufeff"))
    if found is None or not all(LINE_OF_KEYS.match(line) for line in found[2].splitlines() if line.strip()):
        return {}, text
    keys = {key.lower(): value.strip().strip("\"'").strip() for key, value in KEY.findall(found[2])}
    return {key: value for key, value in keys.items() if value}, text.lstrip("\ufeff")[found.end() :]


def described_by_text(path: Path) -> tuple[str | None, str | None]:
    """Title and address that a text file says of itself, None where it doesn't or can't be read."""
    if path.suffix.lower() not in SUFFIXES:
        return None, None
    try:
        keys, _ = front_matter_of(path.read_bytes()[:LONGEST_FRONT_MATTER].decode("utf-8", "replace"))
    except OSError:
        return None, None
    address = keys.get("url")
    if address is not None and not is_web_address(address):
        log.warning(
            "%s: `url: %.80s` is no address that begins with https:// or http://; sources name the file.", path, address
        )
        address = None
    return plain_title(keys.get("title", "")) or None, address


def is_web_address(text: str) -> bool:
    """Whether a text is an address that a browser can open, and nothing else."""
    if len(text) > LONGEST_ADDRESS or not re.fullmatch(r"https?://[^\s<>\"'`{}|\\^\x00-\x1f\x7f]+", text):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def markdown_cues(text: str) -> list[Segment]:
    """One cue a paragraph, heading or list item of Markdown; its signs are no words."""
    _, rest = front_matter_of(text)
    return [Segment(None, None, line) for line in AnswerMarkdown(rest).visible_text().splitlines() if line.strip()]
