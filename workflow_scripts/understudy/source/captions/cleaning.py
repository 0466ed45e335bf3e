"""What is no speech in captions removed, and counted: markup, sound tags, speaker marks, lines shown twice.

Every word that is not on these lists stays as it is, in its place."""

import html
import re
from collections import Counter
from itertools import pairwise

from understudy.source.captions.sounds import without_sounds
from understudy.source.captions.speakers import AnySegment, turns_apart, voices_apart

MARKUP = re.compile(
    r"</?(?:[bcisuv]|font|lang|ruby|rt|span)(?:\.[^<>\s]*)?>|<(?:[cv]|font|lang|span)(?:\.[^<>\s]*)?\s[^<>\n]*>"
    r"|<\d+:[\d:.]+>|\{\\[^{}\n]*\}|\{an\d\}|\{[cfhpsy]:[^{}\n]{1,40}\}",
    re.IGNORECASE,
)
# Whatever its name, what is closed again is a tag: `<b Mary>..</b>`, `<bold>..</bold>`.
CLOSING_TAG = re.compile(r"</([a-z][a-z0-9_-]{0,20})>", re.IGNORECASE)
ANY_TAG = re.compile(r"</?([a-z][a-z0-9_-]{0,20})(?:[.\s][^<>\n]*)?>", re.IGNORECASE)
# SubStation Alpha's line breaks and hard blanks in other files; a path of Windows holds the same signs.
BACKSLASHED = re.compile(r"(?<!\S)(?P<path>(?:[A-Za-z]:\\|\\\\)\S*)|\\[Nh]|(?<=[^\s\"'(\\])\\n(?![\"'”)])")
LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)
SOUND_TAG = re.compile(
    r"\[[^\[\]]{1,80}\]|【[^【】]{1,80}】|\u3014[^\u3014\u3015]{1,80}\u3015|\uff3b[^\uff3b\uff3d]{1,80}\uff3d|[♩♪♫♬🎵🎶]+[\uff5e\u301c]*"
)
DASH = r"[-\u2010-\u2015\u2212\uff0d]"
# Without a blank a dash opens a line of speech where no small letter follows: `-ing` is an ending.
OPENS_A_LINE = (
    "A-Z\u00c0-\u00de\u0391-\u03a9\u0410-\u042f\u0590-\u06ff\u0900-\u0e7f\u3040-\u9fff\uac00-\ud7af"
    "\"'\u2018\u201c\u201e\u00ab\u00bf\u00a1(\\["
)
SPEAKER_MARK = re.compile(
    r"(?:(?<=\s)|^)>>+(?:[^\S\n]{0,9}[A-Z][A-Z.'-]{0,20}(?: [A-Z.'-]{1,20}){0,2}:)?"
    rf"|(?:(?<=\s)|^)\(speaker \?\)|^[^\S\n]{{0,9}}{DASH}(?=[^\S\n]+[^\s\d]|[{OPENS_A_LINE}]|[^\S\n]*$)"
    r"|^[^\S\n]{0,9}(?:SPEAKER|Speaker)[^\S\n]?\d{1,3}:",
    re.MULTILINE,
)
SMALL_SPEAKER_MARK = re.compile(rf"^[^\S\n]{{0,9}}{DASH}(?=[^\W\d_])", re.MULTILINE)
NEVER_SHOWN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
WITHOUT_BLANKS = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff0c\uff0e-\uffef"
WRITTEN_WITHOUT_BLANKS = re.compile(f"[{WITHOUT_BLANKS}]")
BREAK_WITHOUT_BLANK = re.compile(rf"(?<=[{WITHOUT_BLANKS}])[^\S\n]{{0,9}}\n\s{{0,9}}(?=[{WITHOUT_BLANKS}])")
ROLLING_WORDS = 2


def cleaned_segments(cues: list[AnySegment]) -> tuple[list[AnySegment], dict[str, int]]:
    """Return the speech of `cues`, empty ones left out, with its speakers where captions name them; and how much of each kind was
    removed.

    The kinds are repeated_lines, sound_tags, speaker_marks and entities."""
    removed = Counter(repeated_lines=0, sound_tags=0, speaker_marks=0, entities=0)
    shown = [cue._replace(text=without_markup(cue.text)) for cue in voices_apart(cues)]
    readable = [cue._replace(text=readable_text(cue.text, removed)) for cue in without_rolling_overlap(shown, removed)]
    segments = [
        segment._replace(text=speech)
        for segment in turns_apart(readable, removed)
        if (speech := cleaned_text(segment.text, removed))
    ]
    return segments, dict(removed)


def without_markup(text: str) -> str:
    """Remove the tags of subtitle formats; a line break in a tag becomes one."""
    if "<" in text or "{" in text:
        text = LINE_BREAK.sub("\n", text)
        closed = {found[1].lower() for found in CLOSING_TAG.finditer(text)}
        if closed:
            text = ANY_TAG.sub(lambda tag: "" if tag[1].lower() in closed else tag[0], text)
        text = MARKUP.sub("", text)
    return (
        BACKSLASHED.sub(lambda found: found["path"] or (" " if found[0][1] == "h" else "\n"), text)
        if "\\" in text
        else text
    )


def readable_text(text: str, removed: Counter) -> str:
    """Resolve HTML entities, and remove what is never shown."""
    text, entities = ENTITY.subn(lambda entity: html.unescape(entity.group()), text)
    if entities:
        # Some tools escape the tags, too.
        text = MARKUP.sub("", LINE_BREAK.sub("\n", text))
    removed["entities"] += entities
    return NEVER_SHOWN.sub("", text.encode("utf-8", "replace").decode())


def cleaned_text(text: str, removed: Counter) -> str:
    """Remove sound tags and speaker marks; white space becomes one blank, or none at a line's end in a script without blanks."""
    text = BREAK_WITHOUT_BLANK.sub("", text)
    text, sounds = without_sounds(text)
    text, sound_tags = SOUND_TAG.subn(" ", text)
    text, speaker_marks = SPEAKER_MARK.subn(" ", text)
    if len(SMALL_SPEAKER_MARK.findall(text)) > 1:
        text, small_marks = SMALL_SPEAKER_MARK.subn(" ", text)
        speaker_marks += small_marks
    removed["sound_tags"] += sounds + sound_tags
    removed["speaker_marks"] += speaker_marks
    return " ".join(text.split())


def without_rolling_overlap(cues: list[AnySegment], removed: Counter) -> list[AnySegment]:
    """Remove what automatic captions show twice: lines, or words, at a cue's start that still stand from the cue before.

    Only where most cues do so, and some say something new after it; elsewhere a repeated line was said twice."""
    for pieces_of, joint, fewest, fewest_going_on in ((lines_of, "\n", 1, 1), (str.split, " ", ROLLING_WORDS, 2)):
        pieces = [pieces_of(cue.text) for cue in cues]
        overlaps = [shared_pieces(before, after) for before, after in pairwise([[], *pieces])]
        rolling = sum(overlap >= fewest for overlap in overlaps)
        going_on = sum(fewest <= overlap < len(own) for overlap, own in zip(overlaps, pieces, strict=True))
        if rolling * 2 >= len(cues) and going_on >= fewest_going_on:
            removed["repeated_lines"] += sum(overlaps) if pieces_of is lines_of else rolling
            return [
                cue._replace(text=joint.join(own[overlap if overlap >= fewest else 0 :]))
                for cue, own, overlap in zip(cues, pieces, overlaps, strict=True)
            ]
    return cues


def lines_of(text: str) -> list[str]:
    return [stripped for line in text.split("\n") if (stripped := line.strip())]


def shared_pieces(before: list[str], after: list[str]) -> int:
    """How many pieces at the end of `before` are those at the start of `after`.

    Linear for long cues, by the prefix function of Knuth, Morris and Pratt; faster by comparing where both are short."""
    most = min(len(before), len(after))
    if most <= 12:
        return next((count for count in range(most, 0, -1) if before[-count:] == after[:count]), 0)
    sequence = [*after[:most], None, *before[-most:]]
    borders = [0] * len(sequence)
    for place in range(1, len(sequence)):
        border = borders[place - 1]
        while border and sequence[place] != sequence[border]:
            border = borders[border - 1]
        borders[place] = border + (sequence[place] == sequence[border])
    return borders[-1]


def joined(segments: list[AnySegment]) -> str:
    """The words of all segments as one text, so that a sentence cut by its cues is whole again.

    A blank stands between two segments, but not between two signs of a script that has none."""
    parts = [segments[0].text] if segments else []
    for before, after in pairwise(segments):
        both_without = WRITTEN_WITHOUT_BLANKS.match(before.text[-1]) and WRITTEN_WITHOUT_BLANKS.match(after.text[0])
        parts += ["" if both_without else " ", after.text]
    return "".join(parts)
