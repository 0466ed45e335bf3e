"""Which words in brackets, between asterisks or notes stand for a sound: `(upbeat music)`, `*Musik*`, `[拍手]`."""

import re
from pathlib import Path

# The text inside, which is one of a kind of marks; notes stand alone as well.
BRACKETED = re.compile(
    r"[(\uff08]{1,3}\s{0,9}([^()\uff08\uff09]{1,60})[)\uff09]{1,3}"
    r"|\*{1,3}([^*\n]{1,60})\*{1,3}|#([^#\n]{1,60})#|[♩♪♫♬]\s{0,9}([^♩♪♫♬\n]{1,60})[♩♪♫♬]"
)
WORD = re.compile(r"[^\W\d_]+(?:['’\u093c-\u094d\u0902][^\W\d_]*)*", re.UNICODE)
TAG_INSIDE = re.compile(r"\[[^\[\]]*\]|【[^【】]*】|[(\uff08][^()\uff08\uff09]*[)\uff09]|\*[^*]*\*|#[^#]*#")
# A script without blanks between its words, or one whose words end in many ways.
RUN_TOGETHER = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Signs of a line beside the marks in which speech is looked for.
NEAR = 80
MOST_WORDS = 5
MOST_SIGNS = 9


def listed() -> dict[str, list[str]]:
    lines = Path(__file__).with_name("sounds.txt").read_text(encoding="utf-8").splitlines()
    return {line.split()[0]: line.split()[1:] for line in lines if not line.startswith("#")}


SPEAKS = frozenset(listed()["speaks"])
SOUNDS = frozenset(word for language, words in listed().items() if language != "speaks" for word in words)
RUN_TOGETHER_SOUNDS = tuple(word for word in SOUNDS if RUN_TOGETHER.match(word))


def without_sounds(text: str) -> tuple[str, int]:
    """Return the text with a blank for each sound between marks, and how many there were."""
    removed = 0

    def blank_for_a_sound(found: re.Match) -> str:
        nonlocal removed
        whole = next(filter(None, found.groups()))
        # `♪ slow hands [Music] ♪` is sung: the tag inside goes by itself.
        inside = beside if WORD.search(beside := TAG_INSIDE.sub(" ", whole)) else whole
        begins, ends = found.span()
        before = found.string[max(0, begins - NEAR) : begins].rpartition("\n")[2]
        after = found.string[ends : ends + NEAR].partition("\n")[0]
        stands_alone = not any(character.isalnum() for character in before + after)
        if not is_sound(inside, stands_alone):
            kept, tags = without_sounds(whole) if inside != whole else (whole, 0)
            removed += tags
            return found[0].replace(whole, kept)
        removed += 1
        return " "

    return BRACKETED.sub(blank_for_a_sound, text), removed


def is_sound(inside: str, stands_alone: bool) -> bool:
    """Whether the text between two marks names a sound: by a word, or, as `upbeat music`, by some that end in one. What stands on
    a line of its own may also go on after it: `music playing`."""
    folded = inside.casefold().strip()
    if RUN_TOGETHER.match(folded):
        ends_in_one = folded.endswith(RUN_TOGETHER_SOUNDS) or folded.startswith(RUN_TOGETHER_SOUNDS)
        speaks = not SPEAKS.isdisjoint(folded)
        return folded in SOUNDS or (stands_alone and ends_in_one and len(folded) <= MOST_SIGNS and not speaks)
    words = [word.replace("’", "'") for word in WORD.findall(folded)]
    if not 1 <= len(words) <= MOST_WORDS or not SPEAKS.isdisjoint(words):
        return False
    return words[-1] in SOUNDS or (stands_alone and not SOUNDS.isdisjoint(words))
