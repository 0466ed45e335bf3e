"""The account of a data set: what there was at every step from videos to rows, and a proof of the split."""

from collections import Counter

import pandas as pd

from understudy.dataset.duplicates.pairs import clusters, similar_across
from understudy.dataset.taught_pairs import slots_used
from understudy.text.words import share_of_word, word_count, words_of

# More of one reason is likelier a fault of the prompt or of the doctor than of the pairs.
MOST_OF_ONE_REASON, EXAMPLES = 0.2, 3
QUANTILES = {"smallest": 0.0, "median": 0.5, "95th_percentile": 0.95, "largest": 1.0}


def dataset_report(
    videos: list[dict],
    transcripts: list[dict],
    answers: list[str],
    pairs: pd.DataFrame,
    similar: pd.DataFrame,
    decisions: int,
    idle: list[dict],
    max_seq_length: int,
) -> dict:
    """Return the report; `pairs` are all of them with their verdicts, `similar` the near-duplicates (similar_pairs; left, right:
    rows of `pairs`), `idle` the decisions of a person that were not applied."""
    built_from = {record["video_id"] for record in transcripts}
    kept = pairs[pairs["verdict"] == "ok"]
    return {
        "videos": len(videos),
        "missing_videos": [video["video_id"] for video in videos if video["video_id"] not in built_from],
        "transcripts": counts(record["status"] for record in transcripts),
        "unavailable": {
            record["video_id"]: record["reason"] for record in transcripts if record["status"] == "unavailable"
        },
        "languages": counts(record["language"] for record in transcripts if record["language"]),
        **slots_used(answers),
        "pairs": counts(pairs["origin"]),
        "rejected": counts(pairs.loc[pairs["verdict"] != "ok", "verdict"]),
        "frequent_reasons": frequent_reasons(pairs),
        "warnings": counts(remark["verdict"] for remarks in kept["remarks"] for remark in remarks),
        "rows": counts(kept["split"], ("train", "valid", "test")),
        "held_out_videos": sorted(set(kept.loc[kept["split"] != "train", "video_id"].dropna())),
        "tokens": {"max_seq_length": max_seq_length, **lengths(kept["tokens"])},
        "answer_words": lengths(kept["answer"].map(words_in)),
        "duplicates": clusters_of(pairs, similar),
        "split": proof_of_split(pairs, similar),
        "curation": {"decisions": decisions, "applied": counts(pairs["decision"].dropna()), "not_applied": idle},
    }


def words_in(answer: str) -> int:
    """Words between spaces; where a script has none, so many characters as make a word."""
    pieces = map(words_of, answer.split())
    return sum(word_count(words) if any(share_of_word(word) < 1 for word in words) else 1 for words in pieces)


def frequent_reasons(pairs: pd.DataFrame) -> list[dict]:
    """The verdicts that took out more than MOST_OF_ONE_REASON of all pairs, each with its share and the first EXAMPLES."""
    found = []
    for verdict, rows in pairs[pairs["verdict"] != "ok"].groupby("verdict", sort=False):
        if len(rows) > MOST_OF_ONE_REASON * len(pairs):
            examples = [
                {**row, "says": next((remark["says"] for remark in remarks if remark["verdict"] == verdict), "")}
                for row, remarks in zip(
                    rows[["video_id", "slot", "question"]].head(EXAMPLES).to_dict("records"),
                    rows["remarks"],
                    strict=False,
                )
            ]
            found.append({"verdict": verdict, "share": round(len(rows) / len(pairs), 3), "examples": examples})
    return found


def counts(values, order: tuple[str, ...] = ()) -> dict[str, int]:
    """How often each value occurs, the most frequent first, or those of `order` in its order."""
    counted = Counter(values)
    return {name: counted[name] for name in order if name in counted} if order else dict(counted.most_common())


def lengths(values: pd.Series) -> dict[str, int]:
    return {name: int(values.astype(int).quantile(share)) for name, share in QUANTILES.items()} if len(values) else {}


def clusters_of(pairs: pd.DataFrame, similar: pd.DataFrame) -> list[list[dict]]:
    """Groups of pairs that are nearly the same, each with what became of its pairs."""
    shown = ["video_id", "slot", "question", "verdict"]
    return [pairs.loc[rows, shown].to_dict("records") for rows in clusters(similar, len(pairs))]


def proof_of_split(pairs: pd.DataFrame, similar: pd.DataFrame) -> dict:
    """What would show that a held-out row was trained on, counted on the rows as they are."""
    kept = pairs[pairs["verdict"] == "ok"]
    sides = kept[kept["video_id"].notna()].groupby("video_id")["split"].nunique()
    trained, held_out = kept.index[kept["split"] == "train"], kept.index[kept["split"] != "train"]
    tags = kept.explode("tags").groupby("split")["tags"].agg(lambda column: counts(column.dropna()))
    return {
        "videos": kept.groupby("split")["video_id"].nunique().to_dict(),
        "videos_on_both_sides": sorted(sides[sides > 1].index),
        "near_duplicates_across": len(similar_across(len(pairs), similar, trained, held_out)),
        "tags": tags.to_dict(),
    }
