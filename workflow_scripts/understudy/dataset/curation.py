"""What a person decided about pairs: data/curation.csv, which no rule writes."""

import hashlib

import pandas as pd

from understudy.dataset.csv_rows import read_csv_rows
from understudy.shared.errors import InputFileError
from understudy.shared.log import log
from understudy.text.spreadsheets import check_cells, uncovered
from understudy.text.words import words_of

CURATION = "data/curation.csv"
# What not even a person's `keep` lets pass.
FINAL_VERDICTS = ("empty", "leak", "talk_not_listed")
COLUMNS = ["video_id", "slot", "question_sha256", "decision", "edited_question", "edited_answer", "note"]
DECISIONS = ("keep", "reject", "edit", "")
KEY = ["video_id", "slot"]


def question_sha256(question: str) -> str:
    """The sha256 of a question's UTF-8 bytes: what a decision was about."""
    return hashlib.sha256(question.encode("utf-8", "replace")).hexdigest()


def read_curation(path: str | None) -> pd.DataFrame:
    """Return the decisions as a frame of COLUMNS (text) and `line` (int), none of a pair twice; an empty frame without a file.

    Raises InputFileError, naming the lines, if one is not a decision or two contradict each other."""
    if path is None:
        return pd.DataFrame(columns=[*COLUMNS, "line"])
    rows = [{**row, "line": number} for number, row in read_csv_rows(path, COLUMNS, [*KEY, "decision"])]
    for row in rows:
        check_decision(f"{path}, line {row['line']}", row)
    return without_repeated(path, pd.DataFrame(rows, columns=[*COLUMNS, "line"]))


def check_decision(place: str, row: dict) -> None:
    """Tidy what has to match exactly, and raise InputFileError for what can't be carried out."""
    for key in (*KEY, "question_sha256", "decision"):
        row[key] = row[key].strip()
    check_cells(place, {column: row[column] for column in COLUMNS}, exact=(*KEY, "question_sha256"))
    row |= {column: uncovered(row[column]) for column in COLUMNS}
    for key in ("question_sha256", "decision"):
        row[key] = row[key].casefold()
    if row["decision"] not in DECISIONS:
        raise InputFileError(
            f"{place}: the decision is {row['decision']!r}; it takes keep, reject or edit, or nothing for a note alone."
        )
    if not row["slot"]:
        raise InputFileError(f"{place}: the slot is empty; it takes one such as q03.")
    if row["decision"] == "edit" and not words_of(row["edited_question"] + row["edited_answer"]):
        raise InputFileError(
            f"{place}: an edit without an edited question or answer. Write one, or decide keep or reject."
        )


def without_repeated(path: str, curation: pd.DataFrame) -> pd.DataFrame:
    """Each decision once. Raises InputFileError if two about the same question differ."""
    about = [*KEY, "question_sha256"]
    for _, rows in curation[curation.duplicated(about, keep=False)].groupby(about, sort=False):
        lines = " and ".join(map(str, rows["line"]))
        place = f"{path}, lines {lines}: decisions on {rows.iloc[0]['video_id']} {rows.iloc[0]['slot']}"
        if len(rows[COLUMNS].drop_duplicates()) > 1:
            raise InputFileError(f"{place} that differ. Leave one of them in the file.")
        log.warning("%s, all the same: one is used.", place)
    return curation.drop_duplicates(about).reset_index(drop=True)


def curated(pairs: pd.DataFrame, curation: pd.DataFrame) -> tuple[pd.DataFrame, list[dict]]:
    """Apply the decisions to `pairs`; return the pairs, with decision, note, original_question and original_answer, and the
    decisions that were not applied, each with `line` and `why`.

    Joined on video_id and slot; the empty video_id is that of pairs without a talk. A decision about a question that is
    another one now is left out. Raises InputFileError if two on the same pair differ."""
    keyed = pairs.assign(video_key=pairs["video_id"].fillna(""))
    joined = curation.rename(columns={"video_id": "video_key"}).merge(
        keyed[["video_key", "slot", "question_sha256"]].assign(row=range(len(pairs))),
        on=["video_key", "slot"],
        how="left",
        suffixes=("", "_now"),
    )
    there = joined["row"].notna()
    applies = there & ((joined["question_sha256"] == "") | (joined["question_sha256"] == joined["question_sha256_now"]))
    idle = [
        {**not_applied(decision), "why": why_not_applied(is_there, decision["video_key"], set(keyed["video_key"]))}
        for decision, is_there in zip(joined[~applies].to_dict("records"), there[~applies], strict=True)
    ]
    result = pairs.assign(decision=None, note=None, original_question=None, original_answer=None).astype(object)
    for decision in one_for_each_pair(joined[applies]).to_dict("records"):
        apply_decision(result, int(decision["row"]), decision)
    return result, idle


def one_for_each_pair(decisions: pd.DataFrame) -> pd.DataFrame:
    """Each decision once, whether or not it names its question. Raises InputFileError if two on one pair differ."""
    what = ["decision", "edited_question", "edited_answer", "note"]
    for _, rows in decisions[decisions.duplicated("row", keep=False)].groupby("row"):
        if len(rows[what].drop_duplicates()) > 1:
            lines, first = " and ".join(map(str, rows["line"])), rows.iloc[0]
            raise InputFileError(
                f"data/curation.csv, lines {lines}: decisions on {first['video_key']} {first['slot']} that differ, because an "
                "empty question_sha256 fits any question. Leave one of them in the file."
            )
    return decisions.drop_duplicates("row")


def not_applied(decision: dict) -> dict:
    return {
        "line": int(decision["line"]),
        "video_id": decision["video_key"],
        "slot": decision["slot"],
        "decision": decision["decision"],
    }


def why_not_applied(is_there: bool, video_id: str, video_ids: set[str]) -> str:
    if is_there:
        return "the question is another one now"
    return "there is no such slot with a question" if video_id in video_ids else "there are no pairs of this video"


def apply_decision(pairs: pd.DataFrame, row: int, decision: dict) -> None:
    """Write one decision into the frame; what an edit leaves empty stays as it is."""
    index = pairs.index[row]
    pairs.at[index, "decision"] = decision["decision"] or None
    pairs.at[index, "note"] = decision["note"] or None
    if decision["decision"] == "edit":
        for part in ("question", "answer"):
            pairs.at[index, f"original_{part}"] = pairs.at[index, part]
            pairs.at[index, part] = (
                decision[f"edited_{part}"] if words_of(decision[f"edited_{part}"]) else pairs.at[index, part]
            )
