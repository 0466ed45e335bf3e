"""The answers that the teacher wrote anew from a passage, as far as they may be taught."""

from collections.abc import Mapping, Sequence

from understudy.dataset.doctor.doctor import Doctor, Talk
from understudy.passages.support import Place, Support
from understudy.shared.files import read_json
from understudy.shared.log import log


def rewritten_answers(
    paths: Sequence[str], pairs: Sequence[dict], doctor: Doctor, talks: Mapping[str, Talk]
) -> dict[tuple[str, str], tuple[str, Place]]:
    """Return the rewritten answers with their passages by video_id and slot, from the files of the rule `grounded`; `pairs` are
    records of pairs.jsonl.

    Left out is what the passage doesn't hold, what the doctor rejects, and what a person has written otherwise."""
    of_teacher = {
        (pair["video_id"], pair["slot"]): pair
        for pair in pairs
        if pair["origin"] == "teacher" and pair["decision"] != "edit"
    }
    given = {
        (record["video_id"], item["slot"]): item
        for record in map(read_json, paths)
        for item in record["answers"]
        if item["rewritten"] is not None
    }
    usable = {}
    for key, item in given.items():
        answer, place = item["rewritten"]["answer"], place_in(item)
        if item["rewritten"]["status"] == "ok" and place.support.is_enough and key in of_teacher:
            remarks, _ = doctor.remarks_on(of_teacher[key]["question"], answer, talks[key[0]])
            if all(remark.level != "reject" for remark in remarks):
                usable[key] = answer, place
    if given:
        log.info("%d of %d answers that were rewritten from a passage can be used.", len(usable), len(given))
    return usable


def place_in(item: dict) -> Place:
    """The passage of a rewritten answer, with how much of it this holds."""
    support = item["rewritten"]["support"]
    return Place(
        item["passage"], item["start_s"], item["end_s"], Support(tuple(support["numbers_missing"]), support["share"])
    )
