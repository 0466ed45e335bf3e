"""The teacher's frequent phrases and openings: what many answers say, over many videos, and the base's answers do not.

Found by the z-score of the log-odds with an informative Dirichlet prior (Monroe, Colaresi, Quinn: Fightin' Words, Political
Analysis 16(4), 2008), and twice as frequent as in the base's answers. Lift alone would put what occurs three times on top, and
the log-odds alone take what both say often for a habit."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import GroupKFold

from understudy.text.markdown import AnswerMarkdown
from understudy.text.words import word_groups, words_of

# An opening is a phrase that begins with this.
START = "^"
SIZES = (2, 3, 4)
LEAST_SHARE = 0.02
LEAST_VIDEOS = 3
LEAST_SHARE_OF_VIDEOS = 0.05
LEAST_Z = 3.0
LEAST_LIFT = 2.0
# The prior weighs as much as so many answers that use the phrase as often as both sides together.
PRIOR_ANSWERS = 10
# A phrase that is nearly always part of a longer one is not told beside it.
PART_OF_LONGER = 0.8
FOLDS = 5

Phrase = tuple[str, ...]


class FoundPhrase(NamedTuple):
    """A phrase, the shares of the teacher's and of the base's answers that have it, and the z-score of the log-odds."""

    words: Phrase
    teacher_share: float
    base_share: float
    z: float

    @property
    def is_opening(self) -> bool:
        return self.words[0] == START


def find_phrases(
    teacher: Sequence[set[Phrase]], video_ids: Sequence[str], base: Sequence[set[Phrase]]
) -> list[FoundPhrase]:
    """Return the teacher's phrases, the most telling first, from what phrases_of gives for each answer; none without a base."""
    if not base:
        return []
    counts = frequent_counts(teacher, video_ids)
    base_counts = Counter(phrase for phrases in base for phrase in phrases if phrase in counts)
    compared = [
        FoundPhrase(
            phrase,
            count / len(teacher),
            base_counts[phrase] / len(base),
            z_score(count, len(teacher), base_counts[phrase], len(base)),
        )
        for phrase, count in counts.items()
    ]
    found = [each for each in compared if each.z >= LEAST_Z and each.teacher_share >= LEAST_LIFT * each.base_share]
    return sorted(without_parts(found), key=lambda each: (-each.z, each.words))


def phrases_of(answer: str) -> set[Phrase]:
    """The runs of 2 to 4 words within the sentences of an answer; its first words also with START before them."""
    sentences = [words for words in map(words_of, AnswerMarkdown(answer).prose_of()) if words]
    if sentences:
        sentences[0] = [START, *sentences[0]]
    return {group for words in sentences for size in SIZES for group in word_groups(words, size)}


def frequent_counts(teacher: Sequence[set[Phrase]], video_ids: Sequence[str]) -> dict[Phrase, int]:
    """How many answers have a phrase, of those phrases that enough answers of enough videos have."""
    counts = Counter(phrase for phrases in teacher for phrase in phrases)
    least = max(LEAST_VIDEOS, LEAST_SHARE * len(teacher))
    frequent = {phrase for phrase, count in counts.items() if count >= least}
    videos: dict[Phrase, set[str]] = {phrase: set() for phrase in frequent}
    for phrases, video in zip(teacher, video_ids, strict=True):
        for phrase in phrases & frequent:
            videos[phrase].add(video)
    least_videos = max(LEAST_VIDEOS, LEAST_SHARE_OF_VIDEOS * len(set(video_ids)))
    return {phrase: counts[phrase] for phrase in frequent if len(videos[phrase]) >= least_videos}


def z_score(count: int, answers: int, base_count: int, base_answers: int) -> float:
    """How many standard errors the log-odds of the teacher's use are above the base's."""
    # One answer without it beside all others, so that what is in every answer has odds too.
    prior = PRIOR_ANSWERS * (count + base_count) / (answers + base_answers + 1)
    ours, theirs = count + prior, base_count + prior
    log_odds = math.log(ours / (answers + PRIOR_ANSWERS - ours)) - math.log(
        theirs / (base_answers + PRIOR_ANSWERS - theirs)
    )
    return log_odds / math.sqrt(1 / ours + 1 / theirs)


def without_parts(found: list[FoundPhrase]) -> list[FoundPhrase]:
    """Leave out what is in a longer phrase that is nearly as frequent."""
    longest_use: dict[Phrase, float] = {}
    for longer in found:
        for part in (longer.words[1:], longer.words[:-1]):
            longest_use[part] = max(longest_use.get(part, 0.0), longer.teacher_share)
    return [each for each in found if longest_use.get(each.words, 0.0) < PART_OF_LONGER * each.teacher_share]


class PhraseUse(NamedTuple):
    """Whether each row's answer has one of the teacher's phrases, and whether it begins with one of the teacher's openings."""

    phrases: np.ndarray
    openings: np.ndarray


def phrase_use(
    trained: tuple[Sequence[str], Sequence[str]], answers: dict[str, Sequence[str]], video_ids: Sequence[str]
) -> tuple[list[FoundPhrase], dict[str, PhraseUse]]:
    """Return the teacher's phrases, and the use of them by each of `answers` (name to one answer a row, `base` among them).

    `trained` are the training answers and their videos. The phrases that a row is measured by are found without the base's
    answers of its video: else the base would use fewer of them by the way they were chosen."""
    teacher, teacher_videos = [phrases_of(answer) for answer in trained[0]], trained[1]
    said = {name: [phrases_of(answer) for answer in of_one] for name, of_one in answers.items()}
    use = {name: PhraseUse(*np.zeros((2, len(video_ids)))) for name in answers}
    for others, rows in folds_by_video(video_ids):
        found = find_phrases(teacher, teacher_videos, [said["base"][row] for row in others])
        openings = {each.words for each in found if each.is_opening}
        inner = {each.words for each in found if not each.is_opening}
        for name, of_one in said.items():
            for row in rows:
                use[name].phrases[row] = not inner.isdisjoint(of_one[row])
                use[name].openings[row] = not openings.isdisjoint(of_one[row])
    return find_phrases(teacher, teacher_videos, said["base"]), use


def folds_by_video(video_ids: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn from and rows to measure, so that each row is measured once and no video is on both sides.

    A single video has nothing to learn from: its rows are measured by nothing."""
    rows, videos = np.arange(len(video_ids)), len(set(video_ids))
    if videos < 2:
        return [(rows[:0], rows)]
    return list(GroupKFold(min(FOLDS, videos)).split(rows, groups=video_ids))
