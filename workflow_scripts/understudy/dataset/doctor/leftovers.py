"""What a pair has left of what it was made from: tokens that steer models, and labels that programs give voices."""

import re
from collections.abc import Collection

from understudy.teacher.reply_text import CONTROL_CHARACTERS, CONTROL_TOKENS, marks

# How programs that tell voices apart label them.
SPEAKER_LABEL = re.compile(r"\bSPEAKER_\d{1,3}\b|[\[(](?:speaker|spk)[ _-]?\d{1,3}[\])]", re.IGNORECASE)


def control_token_in(text: str, own: Collection[str] = ()) -> str | None:
    """Say which control token or character a text has: one of any model's, but in inline code, or one of the base model's `own`,
    which its tokenizer takes for the token itself wherever it stands."""
    found = next((token for token in own if token in text), None)
    if found is None:
        found = next((mark.group() for mark in marks(CONTROL_TOKENS, text)), None)
    if found is None and (character := CONTROL_CHARACTERS.search(text)):
        found = character.group()
    return found and f"a control token: {found!r}"


def speaker_label_in(text: str, own: Collection[str] = ()) -> str | None:
    """Say which label of a voice, as programs give it, a text has; `own` are the speakers that the talk's captions name."""
    numbered = [re.escape(label) for label in own if re.search(r"\d", label)]
    found = SPEAKER_LABEL.search(text)
    if found is None and numbered:
        found = re.search(rf"\b(?:{'|'.join(numbered)})\b", text, re.IGNORECASE)
    return found and f"a label of the captions: {found.group()!r}"
