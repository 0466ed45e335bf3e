"""Talks, questions and answers as the stages before the data set write them, and the data set built from them."""

from project import REPOSITORY
from understudy.configuration import complete_configuration
from understudy.dataset.dataset import build_dataset
from understudy.shared.files import read_json, read_json_lines, write_json
from understudy.source.selection import video_record

NEEDED = {"name": "x", "source": {"captions_dir": "x"}, "teacher": {"gguf": "x.gguf"}, "base_model": "x"}
SETTINGS = complete_configuration(NEEDED, REPOSITORY / "schemas/config.schema.yaml")["dataset"]
PROMPTS = [str(REPOSITORY / "prompts" / name) for name in ("questions.md", "answers.md")]
VIDEOS = [
    {"video_id": "aaaaaaaaaaa", "title": "A", "source_file": "captions/A.srt"},
    {"video_id": "bbbbbbbbbbb", "title": "B", "source_file": None},
]
GOOD_QUESTIONS = [
    f"How do I plant a row of {name} in spring?" for name in ("beans", "peas", "leeks", "onions", "carrots", "kale")
]
ANSWER = (
    "Plant the **{name}** in spring, when the soil is warm and crumbles in your hand.\n\n"
    "- **Depth:** as deep as {name} are long.\n- **Water:** once, and then leave {name} alone."
)
TRANSCRIPT = (
    "Plant in spring when the soil is warm and crumbles in your hand, water once and leave it alone. Depth matters."
)


def answer_record(video_id: str, slot: str, question: str, answer: str, status: str = "ok") -> dict:
    record = {
        "status": status,
        "video_id": video_id,
        "slot": slot,
        "question": question,
        "answer": answer,
        "tags": ["t"],
    }
    return {**record, "model": "m", "prompt_sha256": "0", "finish_reason": "stop", "usage": {}, "response": "r"}


def built(
    folder,
    base,
    records: list[dict],
    changes: dict | None = None,
    curation: str | None = None,
    extra: str | None = None,
    beside: dict[str, list[dict]] | None = None,
):
    """Build the data set of records in `folder`; return kept and rejected pairs and the report. `beside` has the talks' records
    of reworded and grounded."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = list(dict.fromkeys(record["video_id"] for record in records))
    paths = {"answers": [], "questions": [], "transcripts": []}
    paths |= {kind: written(folder, kind, (beside or {}).get(kind, [])) for kind in ("reworded", "grounded", "reader")}
    for record in records:
        paths["answers"].append(str(folder / f"{record['video_id']}-{record['slot']}.json"))
        write_json(paths["answers"][-1], record)
    for video_id in ids:
        question = {"video_id": video_id, "model": "m", "prompt_sha256": "1", "response": "s"}
        words = {
            "video_id": video_id,
            "title": video_id,
            "status": "ok",
            "reason": None,
            "language": "en",
            "text": TRANSCRIPT,
        }
        for kind, record in (("questions", question), ("transcripts", {**words, "segments": [[0.0, 9.0, TRANSCRIPT]]})):
            paths[kind].append(str(folder / f"{kind}-{video_id}.json"))
            write_json(paths[kind][-1], record)
    write_json(folder / "videos.json", [video_record(i, i, source_file=f"{i}.srt") for i in ids])
    outputs = {name: str(folder / f"{name}.jsonl") for name in ("pairs", "rejected", "train", "valid")}
    outputs |= {"report": str(folder / "report.json"), "split": str(folder / "split.json")}
    for name, text in (("curation.csv", curation), ("extra.jsonl", extra)):
        if text is not None:
            (folder / name).write_bytes(text.encode())
    remembered = read_json(outputs["split"]) if (folder / "split.json").exists() else None
    build_dataset(
        sources={
            **paths,
            "videos": str(folder / "videos.json"),
            "extra_pairs": str(folder / "extra.jsonl") if extra is not None else None,
            "curation": str(folder / "curation.csv") if curation is not None else None,
            "base": str(base / "config.json"),
            "remembered": remembered,
        },
        prompts=PROMPTS,
        settings={**SETTINGS, **(changes or {})},
        voice="Nell Harrow, a gardener",
        training={"max_seq_length": 1024, "batch_size": 1},
        paths=outputs,
    )
    kept, rejected = ([row for _, row in read_json_lines(outputs[name])] for name in ("pairs", "rejected"))
    return kept, rejected, read_json(outputs["report"])


def reworded_record(video_id: str, rewordings: dict[str, tuple[str, str]]) -> dict:
    """The record of a talk's reworded questions; `rewordings` has the question and its rewording by slot."""
    questions = [{"slot": slot, "question": old, "reworded": new} for slot, (old, new) in rewordings.items()]
    said = {"model": "m", "prompt_sha256": "2", "usage": {}, "response": "w", "status": "ok"}
    return {"video_id": video_id, **said, "questions": questions}


def grounded_record(video_id: str, slot: str, answer: str, status: str = "ok", share: float = 1.0) -> dict:
    """The record of a talk's rewritten answers, with one of them."""
    support = {"numbers_missing": [], "share": share, "is_enough": share >= 0.6}
    rewritten = {"status": status, "answer": answer, "support": support}
    item = {
        "slot": slot,
        "question": "How do I plant beans?",
        "start_s": 0.0,
        "end_s": 9.0,
        "passage": TRANSCRIPT,
        "rewritten": rewritten,
    }
    return {"video_id": video_id, "answers": [item]}


def written(folder, kind: str, records: list[dict]) -> list[str]:
    """The paths of the records, written."""
    paths = [folder / f"{kind}-{record['video_id']}.json" for record in records]
    for path, record in zip(paths, records, strict=True):
        write_json(path, record)
    return [str(path) for path in paths]


def good_records(videos: int = 3) -> list[dict]:
    """Two good pairs of each talk."""
    named = zip(GOOD_QUESTIONS, ("beans", "peas", "leeks", "onions", "carrots", "kale"), strict=True)
    pairs = [(question, ANSWER.format(name=name)) for question, name in named]
    return [answer_record(f"{'abc'[n // 2] * 11}", f"q0{n % 2 + 1}", *pairs[n]) for n in range(2 * videos)]
