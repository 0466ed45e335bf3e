"""The rules of a Snakefile as text."""

import re
from pathlib import Path


def rules_in(path: Path) -> list[tuple[str, str]]:
    """Name and body of each rule and checkpoint of a file."""
    text = path.read_text(encoding="utf-8")
    return re.findall(r"^(?:rule|checkpoint) (\w+):\n(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
