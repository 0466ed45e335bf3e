"""Texts that go round in circles."""

import zlib

from understudy.text.words import repeated_share, words_of

# Of a text that is still being written, its end is looked at: of a sentence that comes again, little, of paragraphs, more. Lists
# and JSON repeat some words; a loop repeats nearly all.
WORDS_OF_LOOKS, FEWEST_WORDS_OF_A_LOOP, REPEATED_OF_A_LOOP = (150, 600), 60, 0.6
# Loops without words, such as dashes.
CHARACTERS_OF_A_LOOK, COMPRESSED_OF_A_LOOP = 400, 10.0


def compression_ratio(text: str) -> float:
    """How many times shorter zlib makes the text's UTF-8 bytes."""
    raw = text.encode("utf-8", "replace")
    return len(raw) / len(zlib.compress(raw))


def is_loop(text: str) -> bool:
    """Whether a text goes round in circles at its end: most runs of four words of it came before, or it hardly has any. The
    numbers of a list go on, and count for nothing."""
    for most in WORDS_OF_LOOKS:
        words = [word for word in words_of(text[-10 * most :])[-most:] if not word.isdecimal()]
        if len(words) >= FEWEST_WORDS_OF_A_LOOP and repeated_share(words) > REPEATED_OF_A_LOOP:
            return True
    end = text[-CHARACTERS_OF_A_LOOK:]
    return len(end) == CHARACTERS_OF_A_LOOK and compression_ratio(end) > COMPRESSED_OF_A_LOOP
