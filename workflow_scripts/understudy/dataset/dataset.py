"""Answers and hand-written pairs become chat rows: examined, each once, split by video."""

from collections import Counter
from pathlib import Path

import pandas as pd

from understudy.dataset.counts import dataset_report
from understudy.dataset.curation import CURATION, FINAL_VERDICTS, curated, question_sha256, read_curation
from understudy.dataset.doctor.doctor import Doctor, Remark, Talk
from understudy.dataset.duplicates.pairs import choose_kept, clusters, similar_across, similar_pairs
from understudy.dataset.grounding.training_pairs import ground_training_pairs, rewritten_answers, without_faults
from understudy.dataset.hand_written_pairs import hand_written_pairs
from understudy.dataset.same_words import lost_to_held_out, split_of_talks, talks_of_the_same_words
from understudy.dataset.split import EmptySplitError, UnusableSplitError, check_usable, remembered_sides
from understudy.dataset.taught_pairs import REWORDING_COLUMNS, taught_pairs
from understudy.dataset.teacher_names import teacher_names
from understudy.dataset.tokens import PairTokens
from understudy.dataset.topics import topics_of, wanting
from understudy.rows.chat import rows_of_split
from understudy.shared.files import read_json, write_json, write_json_lines
from understudy.shared.log import log
from understudy.text.language import language_of
from understudy.text.transcripts import Reading

# Every key of a line of pairs.jsonl and rejected.jsonl, in this order.
COLUMNS = [
    *("video_id", "slot", "question", "answer", "tags", "title", "origin", "verdict", "remarks", "split", "tokens"),
    *("topic", "start_s", "end_s", "question_sha256", "decision", "note", "original_question", "original_answer"),
    *("question_model", "question_prompt_sha256", "question_response"),
    *("answer_model", "answer_prompt_sha256", "answer_response"),
]
# What the doctor looks for beside a transcript; and in the words of a language.
NEED_A_TALK = ("copies_transcript", "off_topic", "other_speaker")
NEED_A_LANGUAGE = (
    "refusal",
    "not_standalone",
    "third_person",
    "points_at_source",
    "repeats_question",
    "wrong_language",
)
# Where there is a second reader; and what it looks for, by the doctor's names.
READER_COLUMNS = ["reader", "readers_differ"]
READER_KINDS = ("not_standalone", "points_at_source", "third_person", "refusal", "repeats_question")


def gathered_pairs(hand_written: list[dict], taught: list[dict]) -> pd.DataFrame:
    """All pairs, the hand-written ones first, with `verdict` ("ok" until one is found) and `remarks`."""
    more = REWORDING_COLUMNS if any("teacher_question" in pair for pair in taught) else []
    pairs = pd.DataFrame([*hand_written, *taught], columns=[*COLUMNS, *more, "status", "says"]).astype(object)
    pairs = pairs.where(pairs.notna(), None)
    pairs["question_sha256"] = pairs["question_sha256"].fillna(pairs["question"].map(question_sha256))
    pairs["verdict"] = "ok"
    pairs["remarks"] = [[] for _ in range(len(pairs))]
    return pairs


def is_protected(pairs: pd.DataFrame) -> pd.Series:
    """Whether a person wrote, edited or kept each pair: then it is warned about, and not dropped."""
    return (pairs["origin"] == "extra_pairs") | pairs["decision"].isin(["keep", "edit"])


def reject(pairs: pd.DataFrame, row: int, verdict: str, says: str) -> None:
    """Set a pair's verdict; the first one stays."""
    if pairs.at[row, "verdict"] == "ok":
        pairs.at[row, "verdict"] = verdict
    pairs.at[row, "remarks"] = [*pairs.at[row, "remarks"], Remark(verdict, "reject", says).as_record()]


def warn(pairs: pd.DataFrame, row: int, verdict: str, says: str) -> None:
    pairs.at[row, "remarks"] = [*pairs.at[row, "remarks"], Remark(verdict, "warn", says).as_record()]


def apply_statuses(pairs: pd.DataFrame) -> None:
    """Reject what the teacher or a person has given up; what a person edited is whole again."""
    for row, pair in pairs.iterrows():
        if pair["decision"] == "reject":
            reject(pairs, row, "rejected_by_person", pair["note"] or "data/curation.csv")
        elif pair["status"] == "talk_not_listed" or (
            pair["status"] != "ok" and pair["decision"] not in ("keep", "edit")
        ):
            reject(pairs, row, pair["status"], pair["says"])


def examine(pairs: pd.DataFrame, doctor: Doctor, talks: dict[str, Talk]) -> None:
    """Write the doctor's remarks, the tokens and the time span of every pair; without words not even a person keeps one."""
    protected = is_protected(pairs)
    for row, pair in pairs.iterrows():
        talk = talks.get(pair["video_id"])
        remarks, pairs.at[row, "tokens"] = doctor.remarks_on(pair["question"], pair["answer"], talk)
        for remark in remarks:
            rejects = remark.level == "reject" and (remark.verdict == "empty" or not protected[row])
            (reject if rejects else warn)(pairs, row, remark.verdict, remark.says)
        span = talk.spoken.span_of(pair["answer"]) if talk else None
        pairs.at[row, "start_s"], pairs.at[row, "end_s"] = span or (None, None)


def in_order_of_preference(pairs: pd.DataFrame, keep: str) -> list[int]:
    """Positions of `pairs`, the one that is kept rather than another first."""
    order = pd.DataFrame(
        {
            "unprotected": ~is_protected(pairs),
            "remarks": pairs["remarks"].map(len),
            "tokens": -pairs["tokens"].astype(float),
        }
    ).reset_index(drop=True)
    by = ["unprotected", "remarks", "tokens"] if keep == "best" else ["unprotected"]
    return order.sort_values(by, kind="stable").index.tolist()


def languages_of(pairs: pd.DataFrame, talks: dict[str, Talk], language: str | None) -> pd.Series:
    """The language of each pair: the configured one, or its talk's; None for a pair without either."""
    spoken = {video_id: language or talk.language for video_id, talk in talks.items()}
    return pd.Series([spoken.get(video_id, language) for video_id in pairs["video_id"]], pairs.index, dtype=object)


def language_of_pairs(pairs: pd.DataFrame) -> str | None:
    """The language of pairs without talks, where nearly all of their text is in one."""
    return language_of("\n".join([*pairs["question"], *pairs["answer"]]))


def checks_off(language: str | None) -> list[str]:
    """The verdicts that can't be given without transcripts, and without a language."""
    return [*NEED_A_TALK, *(NEED_A_LANGUAGE if language is None else ())]


def drop_duplicates(pairs: pd.DataFrame, settings: dict, languages: pd.Series) -> pd.DataFrame:
    """Reject, or with `keep: all` warn about, what is nearly the same as another pair; return the similar pairs (left, right:
    rows of `pairs`)."""
    is_good = pairs["verdict"] == "ok"
    good = pairs[is_good].assign(language=languages[is_good])
    similar = similar_pairs(good, settings["question_similarity"], settings["answer_similarity"])
    protected = is_protected(good).tolist()
    kept_instead = choose_kept(len(good), similar, in_order_of_preference(good, settings["keep"]))
    for position, (other, what) in sorted(kept_instead.items()):
        same = "question and answer" if what == "both" else what
        says = f"nearly the same {same} as {name_of(good.iloc[other])}: {good.iloc[other]['question']!r}"
        stays = settings["keep"] == "all" or protected[position]
        (warn if stays else reject)(pairs, good.index[position], "duplicate", says)
    return similar.assign(left=good.index[similar["left"]], right=good.index[similar["right"]])


def name_of(pair: pd.Series) -> str:
    return f"{pair['video_id'] or 'extra_pairs'} {pair['slot']}"


def rows_of_videos(pairs: pd.DataFrame) -> dict[str, int]:
    """Kept pairs by video, in the order of the talks; pairs without a talk belong to none."""
    kept = pairs[(pairs["verdict"] == "ok") & pairs["video_id"].notna()]
    return kept.groupby("video_id", sort=False).size().to_dict()


def alike_without_a_talk(pairs: pd.DataFrame, similar: pd.DataFrame) -> list[list[str]]:
    """Where pairs alone are the talks: the ids of rows that name no talk and are nearly the same, in groups. They are one for the
    split, or most would leave the training as leaks."""
    nameless = pairs.index[pairs["title"].isna()]
    among = similar[similar["left"].isin(nameless) & similar["right"].isin(nameless)]
    groups = (sorted(set(pairs.loc[rows, "video_id"])) for rows in clusters(among, len(pairs)))
    return [group for group in groups if len(group) > 1]


def assign_split(pairs: pd.DataFrame, sides: dict[str, str]) -> None:
    """Each kept pair goes with its video; what belongs to no talk is for training."""
    pairs["split"] = [
        (sides[video_id] if video_id is not None else "train") if verdict == "ok" else None
        for video_id, verdict in zip(pairs["video_id"], pairs["verdict"], strict=True)
    ]


def remove_talks_held_out(pairs: pd.DataFrame, lost: dict[str, str]) -> None:
    """Reject all pairs of training talks whose words are in a held-out talk, too; a person's as well."""
    for row, video_id in pairs.loc[(pairs["split"] == "train") & pairs["video_id"].isin(lost), "video_id"].items():
        reject(pairs, row, "leak", f"its talk has the same words as {lost[video_id]} on the other side of the split")
        pairs.at[row, "split"] = None


def remove_leaks(pairs: pd.DataFrame, similar: pd.DataFrame) -> None:
    """Reject the training side of near-duplicates across the split; the other side, if only the training one is a person's."""
    protected = is_protected(pairs)
    trained, held_out = pairs["split"] == "train", pairs["split"].isin(["valid", "test"])
    reject_leaks(pairs, similar, held_out & ~protected, trained & protected)
    reject_leaks(pairs, similar, trained, held_out & pairs["split"].notna())


def reject_leaks(pairs: pd.DataFrame, similar: pd.DataFrame, leaving: pd.Series, staying: pd.Series) -> None:
    """Reject those of the rows `leaving` that are similar to one of `staying`."""
    for row, other in similar_across(len(pairs), similar, pairs.index[leaving], pairs.index[staying]).items():
        reject(pairs, row, "leak", f"nearly the same as {name_of(pairs.loc[other])} on the other side of the split")
        pairs.at[row, "split"] = None


def readings(paths: list[str]) -> dict[tuple[str, str, str], dict]:
    """What the second reader says, by video, slot and question; of a question that has changed it says nothing."""
    return {
        (record["video_id"], verdict["slot"], verdict["question"]): verdict
        for record in map(read_json, paths)
        for verdict in record["verdicts"]
    }


def compare_with_reader(pairs: pd.DataFrame, said: dict[tuple[str, str, str], dict], level: str) -> None:
    """Write beside each pair what the reader says of it (`reader`: kind and words, or None) and whether the doctor, as far as the
    reader looks, says otherwise (`readers_differ`). A fault that the reader alone has found is a remark of `level`."""
    protected = is_protected(pairs)
    pairs["reader"], pairs["readers_differ"] = None, False
    for row, pair in pairs.iterrows():
        question = next(filter(None, (pair.get("teacher_question"), pair["question"])))
        verdict = said.get((pair["video_id"], pair["slot"], question)) if pair["decision"] != "edit" else None
        if verdict is None:
            continue
        by_doctor = [remark for remark in pair["remarks"] if remark["verdict"] in READER_KINDS]
        finds = verdict["kind"] != "fine"
        pairs.at[row, "reader"] = {"kind": verdict["kind"], "words": verdict["words"]}
        pairs.at[row, "readers_differ"] = finds != bool(by_doctor)
        if finds and not by_doctor and level != "ignore":
            says = f"the second reader finds {verdict['kind']}: {verdict['words']!r}"
            (reject if level == "reject" and not protected[row] else warn)(pairs, row, "second_reader", says)


def records_of(pairs: pd.DataFrame) -> list[dict]:
    """The lines of pairs.jsonl and rejected.jsonl."""
    written = pairs[[*COLUMNS, *(name for name in (*REWORDING_COLUMNS, *READER_COLUMNS) if name in pairs)]].astype(
        object
    )
    return written.where(written.notna(), None).to_dict("records")


def write_pairs(records: list[dict], rows_of_no_pair: list[dict], paths: dict[str, str]) -> None:
    """Write every pair to pairs.jsonl or to rejected.jsonl, and the rows of each side."""
    kept = [record for record in records if record["verdict"] == "ok"]
    write_json_lines(paths["pairs"], kept)
    write_json_lines(paths["rejected"], [record for record in records if record["verdict"] != "ok"])
    write_json_lines(paths["train"], [*rows_of_split(kept, "train"), *rows_of_no_pair])
    write_json_lines(paths["valid"], rows_of_split(kept, "valid"))


def build_dataset(
    sources: dict, prompts: list[str], settings: dict, voice: str, training: dict, paths: dict[str, str]
) -> None:
    """Write the files of the data set.

    `sources`: answers, questions, reworded, grounded, reader, transcripts, videos, extra_pairs, curation, base (config.json of
    the model) and remembered (the last split, or None); `settings` is the configuration's dataset, with its `grounding` where
    that is on; `training` has max_seq_length and batch_size; `paths` has pairs, rejected, train, valid, report and split."""
    reading = Reading.of_project(settings.get("speaker"))
    transcripts = [reading.read(path) for path in sources["transcripts"]]
    videos = read_json(sources["videos"])
    titles = {record["video_id"]: record["title"] for record in transcripts}
    written = hand_written_pairs(sources["extra_pairs"], videos) if sources["extra_pairs"] else []
    taught = taught_pairs(sources["answers"], sources["questions"], sources["reworded"], titles)
    curation = read_curation(sources["curation"])
    pairs, idle = curated(gathered_pairs(written, taught), curation)
    tell_not_applied(idle)
    apply_statuses(pairs)
    tokens = PairTokens(Path(sources["base"]).parent)
    language = settings["doctor"]["language"] or (None if transcripts else language_of_pairs(pairs))
    names = teacher_names(settings["teacher_names"], voice)
    doctor = Doctor(
        {**settings["doctor"], "language": language},
        {"other_speaker": "reject", **settings["verdicts"]},
        names,
        [Path(path).read_text(encoding="utf-8") for path in prompts],
        tokens,
        training["max_seq_length"],
        tokens.control_tokens(),
    )
    talks = {record["video_id"]: Talk(record) for record in transcripts}
    examine(pairs, doctor, talks)
    if settings.get("second_reader"):
        compare_with_reader(pairs, readings(sources["reader"]), settings["verdicts"].get("second_reader", "warn"))
    similar = drop_duplicates(pairs, settings, languages_of(pairs, talks, language))
    fractions = {"valid": settings["valid_fraction"], "test": settings["test_fraction"]}
    same_words = talks_of_the_same_words(transcripts) if videos else alike_without_a_talk(pairs, similar)
    remembered = remembered_sides(sources["remembered"], settings["seed"], fractions)
    try:
        sides = split_of_talks(rows_of_videos(pairs), settings["seed"], fractions, remembered, same_words)
        lost = lost_to_held_out(same_words, sides, rows_of_videos(pairs))
        assign_split(pairs, sides)
        remove_talks_held_out(pairs, lost)
        remove_leaks(pairs, similar)
        rows = Counter(pairs["split"].dropna())
        check_usable(rows, rows_of_videos(pairs), training["batch_size"], fractions, settings["seed"])
    except (EmptySplitError, UnusableSplitError) as error:
        # Snakemake removes what a failed job has written, rejected.jsonl too.
        raise type(error)(f"{error} Left out: {left_out(pairs)}.") from None
    tell_kept_in_vain(pairs)
    topics, pairs["topic"] = topics_of(pairs, transcripts)
    records, grounded = records_of(pairs), None
    if "grounding" in settings:
        trained = [
            transcript
            for transcript in transcripts
            if sides.get(transcript["video_id"]) == "train" and transcript["video_id"] not in lost
        ]
        rewritten = rewritten_answers(sources["grounded"], trained)
        grounded = ground_training_pairs(
            records,
            trained,
            videos,
            without_faults(rewritten, records, doctor, talks),
            settings=settings["grounding"],
            seed=settings["seed"],
            name=next(iter(names), None),
            tokens=tokens,
            max_seq_length=training["max_seq_length"],
        )
    write_pairs(records, grounded.rows if grounded else [], paths)
    write_json(
        paths["split"],
        {"seed": settings["seed"], **{f"{k}_fraction": v for k, v in fractions.items()}, "videos": sides},
    )
    report = dataset_report(
        videos, transcripts, sources["answers"], pairs, similar, len(curation), idle, training["max_seq_length"]
    )
    report |= {"topics": topics, "topics_wanting": wanting(topics)}
    if not videos:
        report |= {"languages": {language: len(pairs)} if language else {}, "checks_off": checks_off(language)}
    if same_words and videos:
        report["same_words"] = same_words
    if grounded:
        report["grounding"] = grounded.counts
    write_json(paths["report"], report)
    tell(report)


def how_to_keep(verdict: str) -> str:
    """What a person does about pairs that the doctor takes out, where they can do something."""
    if verdict in FINAL_VERDICTS:
        return "Not even a decision keeps these."
    return f"To keep one all the same: `keep` in {CURATION}, which data/review/index.html writes."


def left_out(pairs: pd.DataFrame) -> str:
    """How many pairs each verdict took out, the most frequent first."""
    counts = pairs.loc[pairs["verdict"] != "ok", "verdict"].value_counts()
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "nothing"


def tell(report: dict) -> None:
    """Say in the log what became of the pairs, and what was not done."""
    rows = ", ".join(f"{count} {split}" for split, count in report["rows"].items())
    log.info("data/dataset: rows: %s; rejected: %s.", rows, report["rejected"] or "none")
    for reason in report["frequent_reasons"]:
        log.warning(
            "%.0f %% of the pairs are left out as %s: %s. %s",
            100 * reason["share"],
            reason["verdict"],
            "; ".join(f"{each['question']!r} ({each['says']})" for each in reason["examples"]),
            how_to_keep(reason["verdict"]),
        )
    if "grounding" in report:
        log.info("Rows with passages: %(rows)s; pairs: %(pairs)s; why plain: %(plain)s.", report["grounding"])
    if "checks_off" in report:
        log.warning("There are no transcripts, so these checks are off: %s.", ", ".join(report["checks_off"]))
    for group in report.get("same_words", []):
        log.info("The same words: %s. They are on one side of the split.", ", ".join(group))
    if report["missing_videos"]:
        log.warning("Built without %d videos that have no answers yet.", len(report["missing_videos"]))


def tell_not_applied(decisions: list[dict]) -> None:
    """Before the doctor, so that it is said as well where the data set can't be built."""
    for decision in decisions:
        log.warning("data/curation.csv, line %(line)d: %(video_id)s %(slot)s is not applied: %(why)s.", decision)


def tell_kept_in_vain(pairs: pd.DataFrame) -> None:
    """Name the pairs that a person keeps and that are left out all the same."""
    left = pairs[pairs["decision"].isin(["keep", "edit"]) & (pairs["verdict"] != "ok")]
    for _, pair in left.iterrows():
        why = pair["remarks"][-1]["says"] if pair["remarks"] else ""
        log.warning(
            "data/curation.csv: %s is left out although it is decided %s: %s, %s.",
            name_of(pair),
            pair["decision"],
            pair["verdict"],
            why,
        )
