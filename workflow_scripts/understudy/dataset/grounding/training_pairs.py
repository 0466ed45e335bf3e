"""Between the data set and its rows with passages: what these are made of, and where it is written how a pair stands."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from understudy.dataset.doctor.doctor import Doctor, Talk
from understudy.dataset.grounding.candidates import Rewritten
from understudy.dataset.grounding.grounding import Grounded, ground
from understudy.passages.support import Place, support_of
from understudy.shared.files import read_json
from understudy.text.language import language_of_talk

OK = "ok"


class RewrittenAnswer(NamedTuple):
    """An answer to a question, and the passage that it was written from."""

    question: str
    answer: str
    place: Place


def rewritten_answers(paths: Iterable[str], transcripts: Sequence[dict]) -> dict[tuple[str, str], RewrittenAnswer]:
    """What the files of data/grounded/ have for these talks, by video_id and slot."""
    languages = {transcript["video_id"]: language_of_talk(transcript) for transcript in transcripts}
    found = {}
    for record in map(read_json, paths):
        video_id = record["video_id"]
        for item in record["answers"] if video_id in languages else []:
            written, passage = item["rewritten"], item["passage"]
            if written is not None and written["status"] == OK:
                support = support_of(written["answer"], passage, languages[video_id])
                place = Place(passage, item["start_s"], item["end_s"], support)
                found[video_id, item["slot"]] = RewrittenAnswer(item["question"], written["answer"], place)
    return found


def without_faults(
    rewritten: dict[tuple[str, str], RewrittenAnswer], records: Sequence[dict], doctor: Doctor, talks: dict[str, Talk]
) -> Rewritten:
    """Those that the doctor wouldn't reject, but of no pair that a person edited."""
    edited = {(record["video_id"], record["slot"]) for record in records if record["decision"] == "edit"}

    def is_good(key: tuple[str, str], each: RewrittenAnswer) -> bool:
        remarks, _ = doctor.remarks_on(each.question, each.answer, talks[key[0]])
        return key not in edited and all(remark.level != "reject" for remark in remarks)

    return {key: (each.answer, each.place) for key, each in rewritten.items() if is_good(key, each)}


def ground_training_pairs(
    records: Sequence[dict], transcripts: Sequence[dict], videos: Sequence[dict], rewritten: Rewritten, **settings
) -> Grounded:
    """Write into each record how it stands, `grounding`, None beside the training pairs; return what `ground` made.

    `transcripts` are those of the training talks."""
    listed = {video["video_id"]: video for video in videos}
    talks = [(each, listed[each["video_id"]]) for each in transcripts if each["status"] == OK]
    pairs = [record for record in records if record["split"] == "train"]
    grounded = ground(pairs, talks, rewritten, **settings)
    for record in records:
        record["grounding"] = None
    for record, how in zip(pairs, grounded.records, strict=True):
        record["grounding"] = how
    return grounded
