"""Pairs that can stand on a passage: one whose place in the talk holds its answer, or an answer that was rewritten from there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from understudy.dataset.grounding.misses import Answered
from understudy.passages.cutting import plain_line
from understudy.passages.sources import Passage, link_to, where_from
from understudy.passages.support import Place, PlacesOfAnswers, content_of_answer
from understudy.text.language import language_of_talk
from understudy.text.transcripts import segments_of_teacher

# By video_id and slot: an answer, and the passage that it was written from.
Rewritten = dict[tuple[str, str], tuple[str, Place]]


@dataclass(frozen=True)
class Candidate:
    """A pair, with its number among the pairs, whose `passage` holds `answer`: its own, or a rewritten one."""

    number: int
    pair: dict
    answer: str
    answered: Answered
    passage: Passage
    language: str | None


class TalkToGroundOn:
    """A training talk, with its record of data/videos.json; a passage of it has at most `longest` words."""

    def __init__(self, transcript: dict, video: dict, longest: int):
        self._title = plain_line(transcript["title"])
        self._video = video
        self.language = language_of_talk(transcript)
        self._places = PlacesOfAnswers(segments_of_teacher(transcript), self.language, longest)

    def candidate(self, number: int, pair: dict, rewritten: Rewritten) -> Candidate | None:
        """The pair with the passage that holds its answer, or else the rewritten one."""
        own = pair["answer"], self._places.of(pair["answer"])
        for answer, place in (own, rewritten.get((pair["video_id"], pair["slot"]), ("", None))):
            if place is not None and place.support.is_enough:
                answered = Answered(
                    content_of_answer(answer, self.language), pair["video_id"], *whole_span(pair, place)
                )
                return Candidate(number, pair, answer, answered, self._passage(place), self.language)
        return None

    def _passage(self, place: Place) -> Passage:
        """A place as the search gives it."""
        video_id, source_file = self._video["video_id"], where_from(self._video)
        return Passage(
            video_id=video_id,
            title=self._title,
            published=self._video["published"],
            source_file=source_file,
            start_s=place.start_s,
            end_s=place.end_s,
            text=place.text,
            link=link_to(video_id, source_file, place.start_s, None),
            score=1.0,
        )


def whole_span(pair: dict, place: Place) -> tuple[float, float]:
    """The seconds of a pair's span and of its place together."""
    seconds = [place.start_s, place.end_s, *(pair[key] for key in ("start_s", "end_s") if pair[key] is not None)]
    return min(seconds), max(seconds)


def candidates_of(
    pairs: Sequence[dict],
    talks: dict[str, TalkToGroundOn],
    rewritten: Rewritten,
    fits: Callable[[Candidate], bool],
) -> tuple[list[Candidate], dict[int, str]]:
    """The candidates among the pairs, and why the others are none, by number."""
    candidates, reasons = [], {}
    for number, pair in enumerate(pairs):
        talk = talks.get(pair["video_id"])
        candidate = talk and talk.candidate(number, pair, rewritten)
        if candidate is None:
            reasons[number] = "of_no_talk" if talk is None else "not_supported"
        elif not fits(candidate):
            reasons[number] = "too_long"
        else:
            candidates.append(candidate)
    return candidates, reasons
