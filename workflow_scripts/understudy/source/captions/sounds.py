"""Which words in brackets, between asterisks or notes stand for a sound: `(upbeat music)`, `*Musik*`, `[拍手]`."""

import re
from pathlib import Path

# The text inside, which is one of a kind of marks; notes stand alone as well.
BRACKETED = re.compile(
    r"[(\uff08]{1,3}\s{0,9}([^()\uff08\uff09]{1,60})[)\]\uff09]{1,3}"
    r"|[*\uff0a]{1,3}([^*\uff0a\n]{1,60})[*\uff0a]{1,3}|#([^#\n]{1,60})#"
    r"|[♩♪♫♬🎵🎶]\s{0,9}([^♩♪♫♬🎵🎶\n]{1,60})[♩♪♫♬🎵🎶]"
    r"|<([^<>\n]{1,40})>|\{([^{}\n]{1,40})\}|~([^~\n]{1,40})~|[〈《≪]([^〈《≪〉》≫\n]{1,40})[〉》≫]"
)
WORD = re.compile(r"[^\W\d_]+(?:['’\u093c-\u094d\u0902][^\W\d_]*)*", re.UNICODE)
TAG_INSIDE = re.compile(r"\[[^\[\]]*\]|【[^【】]*】|[(\uff08][^()\uff08\uff09]*[)\uff09]|\*[^*]*\*|#[^#]*#")
# A script without blanks between its words, or one whose words end in many ways.
RUN_TOGETHER = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Signs of a line beside the marks in which speech is looked for.
NEAR = 80
MOST_WORDS = 5
MOST_SIGNS = 9
HANGUL = re.compile("[\uac00-\ud7af]")


def listed() -> dict[str, list[str]]:
    lines = Path(__file__).with_name("sounds.txt").read_text(encoding="utf-8").splitlines()
    return {line.split()[0]: line.split()[1:] for line in lines if not line.startswith("#")}


NO_LANGUAGES = ("compounds", "speaks", "articles")
SPEAKS = frozenset(listed()["speaks"])
ARTICLES = frozenset(listed()["articles"])
COMPOUNDS = tuple(listed()["compounds"])
SOUNDS = frozenset(word for language, words in listed().items() if language not in NO_LANGUAGES for word in words)
RUN_TOGETHER_SOUNDS = tuple(word for word in SOUNDS if RUN_TOGETHER.match(word))
KOREAN_SOUNDS = tuple(word for word in SOUNDS if HANGUL.match(word))


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
    if folded in SOUNDS:
        return True
    if RUN_TOGETHER.match(folded) and not HANGUL.match(folded):
        ends_in_one = folded.endswith(RUN_TOGETHER_SOUNDS) or folded.startswith(RUN_TOGETHER_SOUNDS)
        speaks = not SPEAKS.isdisjoint(folded)
        return stands_alone and ends_in_one and len(folded) <= MOST_SIGNS and not speaks
    words = [word.replace("’", "'") for word in WORD.findall(folded)]
    if not 1 <= len(words) <= MOST_WORDS or not SPEAKS.isdisjoint(words):
        return False
    if stands_alone:
        return any(map(names_a_sound, words))
    return names_a_sound(words[-1]) and words[0] not in ARTICLES


def names_a_sound(word: str) -> bool:
    """Whether a word is listed, ends in one that compounds end in, or begins, as in Korean, with one."""
    return word in SOUNDS or word.endswith(COMPOUNDS) or word.startswith(KOREAN_SOUNDS)
