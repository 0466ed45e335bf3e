"""Who speaks in captions: `[SPEAKER_00]:`, `<v Anna>`, `>> ANNA:`, `Anna Schmidt:`, `田中：` become speakers of segments.

A sentence such as `Remember: salt` names nobody: a label without a form of its own must recur, or open the talk in capitals."""

import html
import re
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from understudy.source.captions.sounds import is_sound
from understudy.text.voices import is_sign_of_a_name, key_of

LONGEST_LABEL = 60
VOICE = re.compile(r"<v(?:\.[^<>\s]*)?[^\S\n]+([^<>\n]{1,80})>|</v>", re.IGNORECASE)
NUMBERED = (
    r"(?:(?:unknown[ _])?speaker|spk|sprecher(?:in)?|locuteur|orateur|intervenant|hablante|orador|locutor|parlante|spreker|"
    r"relatore|participante|mówca|mluvčí|talare|taler|puhuja|konuşmac\u0131|beszélő|vorbitor|pembicara|ομιλητής|"
    r"говорящий|спикер|диктор|мовець|المتحدث|متحدث|वक्ता|話者|発言者|スピーカー|说话人|說話人|發言人|发言人|讲者|講者|화자|발언자|참석자|ผู้พูด|"
    r"guest|host|caller|student|participant|interviewer|interviewee|voice|person)"
    r"[ _-]{0,2}(?:\d{1,3}|[A-Z]\b)"
)
# Accents that stand apart, and the scripts of India and Thai, whose vowels are signs.
SIGNS = "\u0300-\u036f\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e"
WORD = rf"[^\W\d_][\w.'’{SIGNS}-]{{0,24}}"
NAME = rf"{WORD}(?: (?:& )?{WORD}){{0,3}}"
# A label stands where a line or a sentence begins; in front of it a mark of a new turn or Markdown's signs.
MARK = r"(?:>>+|[-\u2013\u2014])?[^\S\n]{0,9}[*_]{0,2}"
COLON = r"[*_]{0,2}[^\S\n]?(?:[:\ufe55](?=[*_]{0,2}(?:\s|$))|\uff1a)[*_]{0,2}"
ROLE = r"(?:[^\S\n]?[(\[][^()\[\]\n]{1,30}[)\]])?"
OPENS, CLOSES = r"[\[(【\uff08\u3014\uff3b{<]", r"[\])】\uff09\u3015\uff3d}>]"
NUMBERED_LABEL = re.compile(
    rf"(?:^|(?<=\s)){MARK}(?:{OPENS}(?i:(?P<inside>{NUMBERED})){CLOSES}(?:{COLON})?|(?i:(?P<plain>{NUMBERED}))(?:{COLON}))",
    re.MULTILINE,
)
BEGINS = r"(?:^[^\S\n]{0,9}|(?<=[.!?…。！？؟।\"”»])[^\S\n]{0,9}|(?<=\s)(?=>>))"
NAMED_LABEL = re.compile(
    rf"{BEGINS}(?P<mark>{MARK})(?:{OPENS}(?P<inside>{NAME}){CLOSES}{COLON}|(?P<plain>{NAME}){ROLE}{COLON})",
    re.MULTILINE,
)
TIME = r"(?:\d{1,2}:)?\d{1,3}:\d{2}(?:[.,]\d{1,3})?"
OVER_A_TURN = re.compile(
    rf"\s*(?:(?i:(?P<numbered>{NUMBERED}))|(?P<plain>{NAME})):?\s+[(\[]?(?:(\d{{1,2}}):)?(\d{{1,3}}):(\d{{2}}(?:[.,]\d{{1,3}})?)"
    rf"(?:\s*(?:-->|[-\u2013])\s*{TIME})?[)\]]?\s*"
)
IN_BRACKETS = re.compile(rf"[^\S\n]{{0,9}}{MARK}{OPENS}(?P<inside>{NAME}){CLOSES}(?=[^\S\n]*\S)")
# whisper.cpp writes (speaker ?) where it can't tell.
UNNAMED_MARK = re.compile(r"(?:^|(?<=\s))(?:>>+|\(speaker \?\))", re.MULTILINE)
DASH = re.compile(r"^[^\S\n]{0,9}[-\u2013\u2014](?=\s*[^\s\d])", re.MULTILINE)
# Before the first label of a conversation stands so much at the most.
SHARE_BEFORE = 0.2
# Of all lines that begin as with a label so many have one that recurs.
SHARE_RECURRING = 0.6
SHARE_IN_BRACKETS = 1 / 3
SMALL_WORDS_OF_NAMES = frozenset(
    (
        "de",
        "del",
        "della",
        "der",
        "den",
        "di",
        "du",
        "da",
        "dos",
        "das",
        "la",
        "le",
        "van",
        "von",
        "vom",
        "zu",
        "zum",
        "bin",
        "ibn",
    )
) | {"al", "el", "y", "e", "and", "und", "&", "the", "of"}
# What opens a sentence like a label and is nobody's name.
NO_NAMES = frozenset(Path(__file__).with_name("no_names.txt").read_text(encoding="utf-8").split())


class Segment(NamedTuple):
    """A stretch of speech; start and duration in seconds, or None where the captions have no times."""

    start_s: float | None
    duration_s: float | None
    text: str


class SegmentOfSpeaker(NamedTuple):
    """A segment whose speaker the captions name."""

    start_s: float | None
    duration_s: float | None
    text: str
    speaker: str


AnySegment = Segment | SegmentOfSpeaker


def said_by(segment: AnySegment, text: str, speaker: str | None) -> AnySegment:
    """A segment with this text and speaker."""
    start_s, duration_s = segment[:2]
    return SegmentOfSpeaker(start_s, duration_s, text, speaker) if speaker else Segment(start_s, duration_s, text)


def label_of(written: str | None) -> str | None:
    """A label as it is kept: one line of letters, digits and the signs of names; None where nothing is left."""
    text = unicodedata.normalize("NFKC", html.unescape(written or ""))
    kept = "".join(character if is_sign_of_a_name(character) or character in " _.'’&-" else " " for character in text)
    return " ".join(kept.split())[:LONGEST_LABEL].strip(" .-_'’&") or None


def name_with_a_time(line: str) -> tuple[str, str | None, str, str] | None:
    """Who begins to speak, and when (hours, minutes, seconds), in a line that says nothing else: `Anna Schmidt  0:03`."""
    found = OVER_A_TURN.fullmatch(line)
    if found is None or not (found["numbered"] or may_be_a_name(found["plain"])):
        return None
    return (label_of(found["numbered"] or found["plain"]) or "", *found.groups()[-3:])


def voices_apart(cues: list[AnySegment]) -> list[AnySegment]:
    """Each voice of WebVTT (`<v Anna>`) as a segment of its own; all other cues as they are."""
    apart: list[AnySegment] = []
    for cue in cues:
        tags = list(VOICE.finditer(cue.text)) if "<v" in cue.text.lower() else []
        if not any(tag[1] for tag in tags):
            apart.append(cue)
            continue
        borders = [
            (0, 0, None),
            *((tag.start(), tag.end(), label_of(tag[1])) for tag in tags),
            (len(cue.text), 0, None),
        ]
        pieces = [(speaker, cue.text[begins:ends]) for (_, begins, speaker), (ends, _, _) in pairwise(borders)]
        apart += in_their_times(cue, pieces)
    return apart


def turns_apart(segments: list[AnySegment], removed: Counter) -> list[AnySegment]:
    """The segments with their speakers, each label taken out of its text; a segment in which another begins to speak is divided.

    Whom a label names speaks on until the next label or mark of a new turn. Talks without labels stay as they are."""
    labels = labels_in([segment.text for segment in segments])
    has_numbers = any(NUMBERED_LABEL.search(segment.text) for segment in segments)
    if not labels and not has_numbers:
        return segments
    opening = label_pattern(labels)
    spellings: dict[str, str] = {}
    apart: list[AnySegment] = []
    speaker = None
    for segment in segments:
        if isinstance(segment, SegmentOfSpeaker):
            apart.append(segment)
            speaker = None
            continue
        pieces, at = [], 0
        for begins, ends, named in turns_in(segment.text, opening):
            pieces.append((speaker, segment.text[at:begins]))
            at = ends
            speaker = named and spellings.setdefault(key_of(named), named)
            removed["speaker_marks"] += named is not None
        pieces.append((speaker, segment.text[at:]))
        apart += in_their_times(segment, pieces)
    return apart


def label_pattern(labels: set[str]) -> re.Pattern | None:
    """What finds these labels, also behind the end of a sentence."""
    if not labels:
        return None
    names = "|".join(sorted(map(re.escape, labels), key=len, reverse=True))
    return re.compile(
        rf"{BEGINS}{MARK}(?:{OPENS}(?P<inside>{names}){CLOSES}(?:{COLON})?|(?P<plain>{names}){ROLE}{COLON})",
        re.MULTILINE,
    )


def turns_in(text: str, opening: re.Pattern | None) -> list[tuple[int, int, str | None]]:
    """Where a label, or a mark of a new turn without one, begins and ends; and whom it names. Marks themselves stay."""
    found = [
        (match.start(), match.end(), label_of(match["inside"] or match["plain"]))
        for pattern in (opening, NUMBERED_LABEL)
        if pattern is not None
        for match in pattern.finditer(text)
    ]
    marks = list(UNNAMED_MARK.finditer(text))
    dashes = list(DASH.finditer(text))
    marks += dashes if len(dashes) > 1 else []
    taken = sorted(found)
    for mark in marks:
        if not any(begins <= mark.start() < ends for begins, ends, _ in taken):
            found.append((mark.start(), mark.start(), None))
    turns: list[tuple[int, int, str | None]] = []
    for turn in sorted(found):
        if not turns or turn[0] >= turns[-1][1]:
            turns.append(turn)
    return turns


def in_their_times(segment: AnySegment, pieces: list[tuple[str | None, str]]) -> list[AnySegment]:
    """What each says in a segment; each gets the segment's time by its letters. Nothing is left out but what is empty."""
    said = [(speaker, text) for speaker, text in pieces if text.strip()]
    letters = sum(len(text) for _, text in said)
    apart, before = [], 0
    for speaker, text in said:
        part = segment
        if segment.start_s is not None and segment.duration_s is not None and len(said) > 1:
            begins_s, lasts_s = (segment.duration_s * count / letters for count in (before, len(text)))
            part = Segment(round(segment.start_s + begins_s, 3), round(lasts_s, 3), "")
        apart.append(said_by(part, text, speaker))
        before += len(text)
    return apart


def labels_in(texts: list[str]) -> set[str]:
    """The names, as they are written, that open turns in a talk; none in a talk of one voice."""
    return names_with_a_colon(texts) or names_in_brackets(texts)


def names_with_a_colon(texts: list[str]) -> set[str]:
    """Names that recur; and in capitals, or beside those that recur, also the one that opens the talk; behind `>>` each."""
    whole = "\n".join(texts)
    openings = [(match.start(), match) for match in NAMED_LABEL.finditer(whole)]
    written = [(at, match["inside"] or match["plain"], match["mark"].lstrip()[:2]) for at, match in openings]
    named = [(at, name) for at, name, _ in written if may_be_a_name(name)]
    if not named:
        return set()
    behind_arrows = {name for _, name, mark in written if mark == ">>" and may_be_a_name(name)}
    in_capitals = {name for _, name in named if is_in_capitals(name)} if not is_in_capitals(whole) else set()
    lower = set(re.findall(r"[^\W\d_]+", whole)) if in_capitals != {name for _, name in named} else set()
    named = [(at, name) for at, name in named if name in in_capitals or not is_a_word_of(name, lower)]
    times = Counter(key_of(name) for _, name in named)
    recurring = {key for key, count in times.items() if count > 1}
    opens = opening_name(whole, named)
    several = len(recurring | ({opens} if opens else set())) > 1
    if several and recurring:
        begins_early = len(whole[: named[0][0]]) <= SHARE_BEFORE * len(whole)
        share = sum(times[key] for key in recurring) / sum(1 for _, name, _ in written if key_of(name))
        if begins_early and share >= SHARE_RECURRING:
            return behind_arrows | {name for _, name in named if key_of(name) in recurring | {opens}}
    capitals = {name for _, name in named if name in in_capitals}
    if opens is not None and opens in {key_of(name) for name in capitals}:
        return behind_arrows | capitals
    return behind_arrows | {name for name in capitals if key_of(name) in recurring}


def opening_name(whole: str, named: list[tuple[int, str]]) -> str | None:
    """The name before the first word of the talk, if it begins with one; sounds in brackets are no words."""
    if not named:
        return None
    at, name = named[0]
    before = re.sub(r"\[[^\[\]]{1,80}\]|\([^()]{1,40}\)|[♩♪♫♬]", " ", whole[:at])
    return None if re.search(r"\w", before) else key_of(name)


def names_in_brackets(texts: list[str]) -> set[str]:
    """Names as in `(Anna) Hello.` or `[Anna] Hello.`, of which two recur and many lines have one, from the first on: sounds and
    what happens, `[Door opens]`, stand on few."""
    lines = [line for text in texts for line in text.split("\n") if line.strip()]
    openings = [(at, match["inside"]) for at, line in enumerate(lines) if (match := IN_BRACKETS.match(line))]
    found = [(at, name) for at, name in openings if may_be_a_name(name) and not is_sound(name, stands_alone=True)]
    times = Counter(key_of(name) for _, name in found)
    recurring = {key for key, count in times.items() if count > 1}
    if len(recurring) < 2 or len(found) < SHARE_IN_BRACKETS * len(lines):
        return set()
    said_before = [line for line in lines[: found[0][0]] if not IN_BRACKETS.match(line)]
    if len("".join(said_before)) > SHARE_BEFORE * len("".join(lines)):
        return set()
    return {name for _, name in found if key_of(name) in recurring}


def may_be_a_name(label: str) -> bool:
    """Whether each word begins like a name's, and the label is no usual opening of a sentence."""
    words = label.split()
    has_case = label.lower() != label.upper()
    if key_of(label) in NO_NAMES or key_of(words[0]) in NO_NAMES or key_of(words[-1]) in NO_NAMES:
        return False
    if not has_case:
        return len(label) <= 12
    return (
        len(label) > 1
        and all(word[0].isupper() or word.casefold() in SMALL_WORDS_OF_NAMES for word in words)
        and words[0][0].isupper()
    )


def is_in_capitals(text: str) -> bool:
    letters = [character for character in text if character.isupper() or character.islower()]
    return len(letters) > 1 and sum(character.isupper() for character in letters) > 0.9 * len(letters)


def is_a_word_of(name: str, words: set[str]) -> bool:
    """Whether a name of one word is also written small in the talk, as no name is."""
    return " " not in name and name.lower() != name and name.lower() in words
