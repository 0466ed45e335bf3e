"""Patterns for the text inside a JSON reply: a server that generates by grammar then holds a small model to them."""

import re

# Without these a model of 135 million parameters neither ends a question nor keeps to words.
INSIDE_A_SENTENCE = r'[^.!?:;"\\<>{}\[\]()_/*#=|`\n]'
# Lower case, or any letter beyond ASCII.
WORD_PATTERN = r"^[^\n -`{-~]{3,16}$"


def question_pattern(opening: str) -> str:
    """A question of at most some 100 characters that begins with `opening`."""
    return rf"^{re.escape(opening)} {INSIDE_A_SENTENCE}{{10,90}}\?$"
