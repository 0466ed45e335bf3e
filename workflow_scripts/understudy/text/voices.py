"""Who speaks in a transcript, and whose words are the teacher's: `source.speaker`, else whoever says most in the talk.

A segment is [start_s, duration_s, text], and has who speaks as a fourth item where the captions name somebody."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from understudy.text.words import words_of

# Two who speak nearly as much as one another, in shares of all words: then nobody can tell which is the teacher.
NEARLY_AS_MUCH = 0.10
NO_NAME = "no name"
LONGEST_EXCERPT = 160
# What `source.speaker` may be: a label, several spellings, or these by video id.
Wanted = str | list[str] | dict[str, str | list[str]] | None


class Turn(NamedTuple):
    """What one says until another begins; `speaker` is None where the captions name nobody."""

    speaker: str | None
    text: str


class Voices(NamedTuple):
    """Whose words a talk with named turns has: `shares` of all words by speaker, the greatest first; `teacher`, the labels whose
    words count; `is_unclear`, whether that could not be told."""

    shares: dict[str | None, float]
    teacher: frozenset[str | None]
    is_unclear: bool = False

    def are_others(self, speaker: str | None) -> bool:
        """Whether a speaker is named, and not the teacher. Where the teacher is unclear, nobody is another."""
        return speaker is not None and not self.is_unclear and speaker not in self.teacher

    def in_words(self) -> str:
        """The shares as they are told: `Anna 52 %, Ben 48 %`."""
        return ", ".join(
            f"{speaker or NO_NAME} {share:.0%}".replace("%", " %") for speaker, share in self.shares.items()
        )


def speaker_of(segment: Sequence) -> str | None:
    """Whom the captions name for a segment."""
    return segment[3] if len(segment) > 3 else None


def voices_of(transcript: dict, wanted: Wanted = None) -> Voices | None:
    """Whose words the talk has, by the configuration's `source.speaker`; None where the captions name nobody."""
    segments = transcript["segments"]
    if not any(speaker_of(segment) for segment in segments):
        return None
    words = Counter()
    for segment in segments:
        words[speaker_of(segment)] += len(words_of(segment[2]))
    total = max(words.total(), 1)
    shares = {speaker: count / total for speaker, count in words.most_common() if count}
    spellings = spellings_for(transcript["video_id"], wanted)
    if spellings:
        chosen = frozenset(speaker for speaker in shares if speaker and key_of(speaker) in spellings)
        unnamed = shares.get(None, 0.0)
        # A talk of one voice in which only somebody from the audience has a name.
        most_are_unnamed = not chosen and unnamed == max(shares.values(), default=1.0)
        return Voices(shares, frozenset([None]) if most_are_unnamed else chosen)
    first, second = [*shares.values(), 0.0, 0.0][:2]
    is_unclear = len(shares) > 1 and first - second <= NEARLY_AS_MUCH + 1e-9
    return Voices(shares, frozenset() if is_unclear else frozenset(list(shares)[:1]), is_unclear)


def spellings_for(video_id: str, wanted: Wanted) -> set[str]:
    """The labels that `source.speaker` has for a talk, as they are compared."""
    if isinstance(wanted, dict):
        wanted = wanted.get(video_id)
    return {key_of(label) for label in ([wanted] if isinstance(wanted, str) else wanted or [])}


def key_of(label: str) -> str:
    """A label as it is compared: case, punctuation and blanks make no other speaker."""
    folded = unicodedata.normalize("NFKC", label).casefold()
    return " ".join("".join(sign if is_sign_of_a_name(sign) else " " for sign in folded).split())


def is_sign_of_a_name(sign: str) -> bool:
    """Whether a character is a letter, a digit, or a vowel or accent of its own, as Hindi has them."""
    return sign.isalnum() or unicodedata.category(sign)[0] == "M"


def turns_of(segments: Iterable[Sequence]) -> list[Turn]:
    """The turns of a talk in their order."""
    turns: list[Turn] = []
    for segment in segments:
        speaker, text = speaker_of(segment), segment[2]
        if turns and turns[-1].speaker == speaker:
            turns[-1] = Turn(speaker, f"{turns[-1].text} {text}")
        else:
            turns.append(Turn(speaker, text))
    return turns


def account_of_voices(transcript: dict, wanted: Wanted) -> dict | None:
    """What a report says of a talk's voices: of each its share, its turns and an excerpt to know it by; None where nobody is
    named."""
    voices = voices_of(transcript, wanted)
    if voices is None:
        return None
    turns = turns_of(transcript["segments"])
    return {
        "teacher": None
        if voices.is_unclear
        else [speaker or NO_NAME for speaker in voices.shares if speaker in voices.teacher],
        "speakers": [
            {
                "speaker": speaker or NO_NAME,
                "share": round(share, 3),
                "turns": sum(turn.speaker == speaker for turn in turns),
                "excerpt": excerpt_of([turn.text for turn in turns if turn.speaker == speaker]),
            }
            for speaker, share in voices.shares.items()
        ],
    }


def excerpt_of(texts: list[str]) -> str:
    """The beginning of the longest of the first turns: a greeting tells little."""
    longest = max(texts[:5], key=len)
    return longest if len(longest) <= LONGEST_EXCERPT else longest[:LONGEST_EXCERPT].rpartition(" ")[0] + " ..."
