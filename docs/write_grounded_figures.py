"""What a model answers from the talks, for docs/answering.md, from docs/grounded_figures.json: `make docs`.

`make figures-grounded` records that file anew. The demo's nine talks in five folds: for each fold a model is trained on the
hand-written pairs of the others, and asked about its own talks, which the training never saw: the pairs' questions in every
context, and the labelled questions of tests/labelled/shared without passages and with those that are found. The base is asked as
the GGUF file that the trainings begin with, so all answers are llama.cpp's. Figures are over all folds, intervals over talks.
What is computed stays in .benchmarks/grounded and is not computed again."""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / folder) for folder in ("workflow_scripts", "benchmarks")]

from marked_blocks import page_with_blocks  # noqa: E402
from record_head import record_head  # noqa: E402
from understudy.configuration import base_folder_name  # noqa: E402
from understudy.evaluate.asked_questions import Arm, Question, answers_of  # noqa: E402
from understudy.evaluate.context_answers import answer_in_context  # noqa: E402
from understudy.evaluate.contexts import CONTEXTS, PROMPTED  # noqa: E402
from understudy.evaluate.intervals import difference_of, interval_of, mean_of  # noqa: E402
from understudy.evaluate.measures.refusals import refuses  # noqa: E402
from understudy.evaluate.measures.voice import voice_of, words_alone  # noqa: E402
from understudy.evaluate.persona import typical_pairs  # noqa: E402
from understudy.evaluate.truth_account import TRUTH, row_truth, truth_statistics  # noqa: E402
from understudy.models.paths import gguf_source  # noqa: E402
from understudy.passages.answers.strict import strict_answer  # noqa: E402
from understudy.passages.frame import MOST_SOURCES  # noqa: E402
from understudy.passages.search import Search  # noqa: E402
from understudy.passages.store import INDEX, PASSAGES, open_store  # noqa: E402
from understudy.shared.files import read_json, read_json_lines, write_json  # noqa: E402

PAGE, RECORD = REPOSITORY / "docs/answering.md", REPOSITORY / "docs/grounded_figures.json"
WORK = REPOSITORY / ".benchmarks/grounded"
TRAIN, PAIRS = "data/dataset/train.jsonl", "data/dataset/pairs.jsonl"
LABELS, DEMO = REPOSITORY / "tests/labelled/shared", REPOSITORY / "demo"
FOLDS = 5
# Intervals over fewer talks say nothing.
LEAST_TALKS = 4
QUANTIZATION = "Q4_K_M"
# No model: answering.strict.
STRICT = "strict"
BASE = "base"
SETTINGS = {"max_tokens": 320, "repeat_penalty": 1.1, "temperature": 0, "top_p": 1, "seed": 42}
# How each kind of project trains; `plain` is what a data set without grounding gives.
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "grounded_30": {"rows": True, "plain_fraction": 0.3, "refusal_fraction": 0},
    "grounded_50": {"rows": True, "plain_fraction": 0.5, "refusal_fraction": 0},
    "grounded_70": {"rows": True, "plain_fraction": 0.7, "refusal_fraction": 0},
    "grounded_50_short": {"rows": True, "plain_fraction": 0.5, "refusal_fraction": 0, "passage_words": 200},
    "demo": {"rows": True, "plain_fraction": 0.7, "refusal_fraction": 0, "passage_words": 200},
    "grounded_50_refusals": {"rows": True, "plain_fraction": 0.5, "refusal_fraction": 0.25},
}
# Of each arm the kind of project, and which of its models.
ARMS = {
    BASE: ("plain", BASE),
    PROMPTED: ("plain", PROMPTED),
    **{kind: (kind, QUANTIZATION) for kind in KINDS},
    STRICT: ("plain", STRICT),
}


def talks() -> list[str]:
    """The demo's caption files, in the order of their names."""
    return sorted(path.name for path in (DEMO / "captions").iterdir())


def fold_of(file: str) -> int:
    """The fold in which a caption file's talk is held out."""
    return talks().index(Path(file).name) % FOLDS


def project_of(kind: str, fold: int) -> Path:
    """The project of a kind in which the talks of one fold are held out; written where it isn't there."""
    folder = WORK / f"{kind}-{fold}"
    if (folder / "data/dataset/split.json").exists():
        return folder
    config = yaml.safe_load((DEMO / "config.yaml").read_text(encoding="utf-8"))
    config |= {"name": kind, "grounding": KINDS[kind]}
    config["source"]["captions_dir"] = str(DEMO / "captions")
    config["dataset"]["extra_pairs"] = str(DEMO / "extra_pairs.jsonl")
    config["questions"] |= {"per_video": 1, "naive_fraction": 0}
    config["training"]["max_seq_length"] = 768
    config["evaluation"]["max_examples"] = 1000
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    make(folder, "data/videos.json")
    videos = read_json(folder / "data/videos.json")
    make(folder, *(f"data/transcripts/{video['video_id']}.json" for video in videos))
    for video in videos:
        write_untaught(folder / "data", video)
    sides = {video["video_id"]: "valid" if fold_of(video["source_file"]) == fold else "train" for video in videos}
    made_with = {"seed": config["dataset"]["seed"], "valid_fraction": config["dataset"]["valid_fraction"]}
    write_json(folder / "data/dataset/split.json", {**made_with, "test_fraction": 0.0, "videos": sides})
    return folder


def write_untaught(data: Path, video: dict) -> None:
    """A talk without a single taught answer: the hand-written pairs alone are trained on, and nobody is asked."""
    nobody = {"model": None, "prompt_sha256": None, "usage": None, "response": None}
    record = {"video_id": video["video_id"], "title": video["title"], **nobody, "questions": []}
    write_json(data / "questions" / f"{video['video_id']}.json", record)
    empty = {"status": "unused", "video_id": video["video_id"], "slot": "q01", "question": None, "answer": None}
    write_json(
        data / "answers" / video["video_id"] / "q01.json", {**empty, "tags": [], "finish_reason": None, **nobody}
    )


def make(folder: Path, *targets: str) -> None:
    """Let Snakemake make files of a project."""
    command = [Path(sys.executable).with_name("snakemake"), "-s", REPOSITORY / "Snakefile", "--directory", folder]
    subprocess.run([*command, "--cores", "all", "--quiet", "rules", "host", "--", *targets], check=True)


def answers_in_context(arm: str, context: str, folds: int) -> tuple[list[dict], list[dict]]:
    """The answers to the pairs' questions of the first folds, and the rows with their passages."""
    kind, which = ARMS[arm]
    said, rows = [], []
    for fold in range(folds):
        folder = project_of(kind, fold)
        passages = f"models/{kind}/held_out_passages.json"
        make(folder, passages)
        asked = read_json(folder / passages)["rows"]
        rows += asked
        if which == STRICT:
            said += strict_answers(folder, [row["question"] for row in asked])
            continue
        answered = f"models/{kind}/evaluation/{context}/{which}.json"
        if which in (BASE, PROMPTED):
            ask_base(folder, kind, which, context, passages)
        else:
            make(folder, answered)
        said += read_json(folder / answered)["rows"]
    return said, rows


def ask_base(folder: Path, kind: str, which: str, context: str, passages: str) -> None:
    """Have the base, with a prompt or without, answer as the workflow has it, but by its GGUF file."""
    config, sources = config_of(folder), {"train": TRAIN, "pairs": PAIRS, "passages": passages}
    gguf, tokenizer = base_of(folder, config)
    answer_in_context(
        which,
        context,
        str(gguf),
        str(tokenizer),
        {name: str(folder / path) for name, path in sources.items()},
        persona_of(config) if which == PROMPTED else None,
        SETTINGS,
        str(folder / f"models/{kind}/evaluation/{context}/{which}.json"),
    )


def config_of(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))


def base_of(folder: Path, config: dict[str, Any]) -> tuple[Path, Path]:
    """The base's GGUF file, and its folder with the tokenizer."""
    name = config["base_model"]
    return gguf_source(name, "base_model"), folder / "models/base" / base_folder_name(name)


def persona_of(config: dict[str, Any]) -> tuple[str, str]:
    return str(REPOSITORY / "prompts/persona.md"), config["answers"]["voice"]


def strict_answers(folder: Path, questions: list[str]) -> list[dict]:
    """The talks' own sentences, as answering.strict gives them."""
    with open_store(folder / INDEX / PASSAGES) as store:
        search = Search(store)
        found = [strict_answer(search, one, search.passages(one, limit=MOST_SOURCES)) for one in questions]
    return [{"answer": " ".join(sentence for sentence, _ in one)} for one in found]


def figures_on_pairs(arm: str, context: str, folds: int) -> dict[str, Any]:
    """Truth and length over the pairs' questions, each with its interval."""
    said, rows = answers_in_context(arm, context, folds)
    counted = [(one, row) for one, row in zip(said, rows, strict=True) if row["counts"]]
    statistics = truth_statistics([row_truth(one["answer"], row, context) for one, row in counted])
    video_ids = [row["video_id"] for _, row in counted]
    words = float(np.median([len(one["answer"].split()) for one in said]))
    found = {name: interval_of(statistics[name], video_ids)._asdict() for name in TRUTH if name in statistics}
    return {"rows": len(counted), "talks": len(set(video_ids)), "words": words, **found}


def voices(measured: dict[str, dict], folds: int) -> dict[str, Any]:
    """How much each of these arms sounds like the teacher, form removed, and the difference to plain rows without passages. Plain
    rows and base are among them, both without passages."""
    answers, rows = {}, []
    least = measured[BASE]["none"]["rows"]
    for arm, contexts in measured.items():
        for context, figures in contexts.items():
            if figures["rows"] >= least:
                said, rows = answers_in_context(arm, context, folds)
                answers[f"{arm}, {context}"] = [one["answer"] for one in said]
    references = [row["reference"] for row in rows]
    video_ids = [row["video_id"] for row in rows]
    found = voice_of({"reference": references, **answers, "base": answers[f"{BASE}, none"]}, video_ids, words_alone)
    means = {name: mean_of(found.probabilities[name]) for name in ("reference", *answers)}
    plain = means["plain, none"]
    return {
        name: {
            "rows": len(rows),
            "voice": interval_of(mean, video_ids)._asdict(),
            "beside_plain": interval_of(difference_of(mean, plain), video_ids)._asdict(),
        }
        for name, mean in means.items()
    }


def labelled() -> list[dict]:
    """The labelled questions, each with `fold`, in which its talks are held out: questions with an answer by their first source,
    those without one in turn."""
    rows = [row for _, row in read_json_lines(LABELS / "questions.jsonl")]
    rows += [row for _, row in read_json_lines(LABELS / "small_talk.jsonl")]
    return [
        {**row, "fold": fold_of(row["sources"][0]["file"]) if row.get("sources") else number % FOLDS}
        for number, row in enumerate(rows)
    ]


def figures_on_labels(arm: str, context: str) -> dict[str, Any]:
    """By kind: the share of answers that have all keys, and that decline."""
    kind, which = ARMS[arm]
    rows: list[dict] = []
    for fold in range(FOLDS):
        folder, asked = project_of(kind, fold), [row for row in labelled() if row["fold"] == fold]
        if which == STRICT:
            said = strict_answers(folder, [row["question"] for row in asked])
        else:
            said = said_to_labels(folder, kind, which, asked, context)
        rows += [{**row, "answer": record["answer"]} for row, record in zip(asked, said, strict=True)]
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(row.get("group") or row["kind"], []).append(row)
    return {
        name: {
            "questions": len(group),
            "refused": sum(refuses(row["answer"], "en") for row in group) / len(group),
            **({"keys": sum(map(has_keys, group)) / len(group)} if "keys" in group[0] else {}),
        }
        for name, group in groups.items()
    }


def said_to_labels(folder: Path, kind: str, which: str, asked: list[dict], context: str) -> list[dict]:
    config = config_of(folder)
    model, tokenizer = base_of(folder, config)
    made = [str(INDEX / "index.json")]
    if which not in (BASE, PROMPTED):
        made.append(f"models/{kind}-{QUANTIZATION}.gguf")
        model = folder / made[-1]
    make(folder, *made)
    prompt = {}
    if which == PROMPTED:
        pairs = typical_pairs(*(str(folder / path) for path in (TRAIN, PAIRS)))
        prompt = {"persona": persona_of(config), "pairs": tuple(pairs)}
    arm = Arm(which, model, tokenizer, **prompt)
    questions = [Question(row["question"], f"label {row['id']}") for row in asked]
    with open_store(folder / INDEX / PASSAGES) as store:
        search = Search(store)
        found = [search.passages(one.text, limit=MOST_SOURCES) if context == "retrieved" else [] for one in questions]
    return answers_of(arm, questions, found, folder / "labels", SETTINGS).records


def has_keys(row: dict) -> bool:
    """Whether an answer has one alternative of each list of keys."""
    said = " ".join(row["answer"].casefold().replace("*", "").split())
    return all(any(key.casefold() in said for key in alternatives) for alternatives in row["keys"])


def record(arms: list[str], contexts: list[str], folds: int) -> None:
    """Measure, and write what is measured as soon as it is there."""
    measured = record_head() | {"pairs": {}, "labels": {}, "voice": {}}
    if RECORD.exists():
        known = read_json(RECORD)
        measured |= {part: known.get(part, {}) for part in ("pairs", "labels", "voice")}
    for arm in arms:
        for context in contexts if arm != STRICT else ["retrieved"]:
            measured["pairs"].setdefault(arm, {})[context] = figures_on_pairs(arm, context, folds)
            if context in ("none", "retrieved") and folds == FOLDS:
                measured["labels"].setdefault(arm, {})[context] = figures_on_labels(arm, context)
            write_json(RECORD, measured)
    if {BASE, "plain"} <= set(arms) and "none" in contexts:
        write_json(RECORD, measured | {"voice": voices({arm: measured["pairs"][arm] for arm in arms}, folds)})


NAMES = {
    BASE: "base",
    PROMPTED: "base with a good prompt",
    "plain": "trained on plain rows",
    "grounded_30": "trained on rows with passages, 30 % plain",
    "grounded_50": "trained on rows with passages, 50 % plain",
    "grounded_70": "trained on rows with passages, 70 % plain",
    "grounded_50_short": "50 % plain, 200 words of passages",
    "grounded_50_refusals": "50 % plain, a quarter of the others refuse",
    "demo": "trained as the demo: 70 % plain, 200 words of passages",
    STRICT: "no model: the talks' own sentences (`strict`)",
}
SHOWN = ("facts_found", "numbers_found", "made_up", "refused")


def pairs_table(measured: dict[str, Any]) -> str:
    """The demo's questions: each arm in each context, with 95 % intervals over talks where there are enough of them."""
    head = "| who, with which passages | questions | facts found | numbers found | made up in 100 words | decline | words |\n"
    lines = [
        f"| {NAMES[arm]}, {context} | {figures['rows']} | {' | '.join(cell(figures, name) for name in SHOWN)} | "
        f"{figures['words']:.0f} |\n"
        for arm, context, figures in in_order(measured["pairs"])
    ]
    return f"{head}| --- | ---: | --- | --- | --- | --- | ---: |\n{''.join(lines)}"


def in_order(measured: dict[str, dict[str, Any]]) -> list[tuple[str, str, Any]]:
    """Arm, context and what was measured, as NAMES and CONTEXTS have them."""
    return [
        (arm, context, measured[arm][context])
        for arm in NAMES
        for context in CONTEXTS
        if context in measured.get(arm, {})
    ]


def cell(figures: dict[str, Any], name: str) -> str:
    if name not in figures:
        return "-"
    found = figures[name]
    if figures["talks"] < LEAST_TALKS:
        return f"{found['estimate']:.2f}"
    return f"{found['estimate']:.2f} ({max(found['low'], 0):.2f} to {found['high']:.2f})"


def labels_table(measured: dict[str, Any]) -> str:
    """The labelled questions: answers with all keys, and those that decline."""
    head = "| who, with which passages | facts: all keys | refused: facts | near misses | other fields |\n"
    lines = [
        f"| {NAMES[arm]}, {context} | {groups['fact']['keys']:.2f} | {groups['fact']['refused']:.2f} | "
        f"{groups['near_miss']['refused']:.2f} | {groups['outside']['refused']:.2f} |\n"
        for arm, context, groups in in_order(measured["labels"])
    ]
    return f"{head}| --- | ---: | ---: | ---: | ---: |\n{''.join(lines)}"


def voice_table(measured: dict[str, Any]) -> str:
    """How much each sounds like the teacher, and beside what is trained on plain rows."""
    head = "| who, with which passages | questions | sounds like the teacher | beside plain rows without passages |\n"
    lines = [
        f"| {name_of_voice(name)} | {of_one['rows']} | {of_one['voice']['estimate']:.2f} | "
        f"{of_one['beside_plain']['estimate']:+.2f} "
        f"({of_one['beside_plain']['low']:+.2f} to {of_one['beside_plain']['high']:+.2f}) |\n"
        for name, of_one in measured.get("voice", {}).items()
    ]
    return f"{head}| --- | ---: | ---: | --- |\n{''.join(lines)}"


def name_of_voice(name: str) -> str:
    """As the other tables call an arm in a context."""
    arm, _, context = name.partition(", ")
    return f"{NAMES[arm]}, {context}" if context else "the hand-written answers"


def made_page() -> str:
    """Return docs/answering.md with the figures as they were recorded."""
    if not RECORD.exists():
        return page_with_blocks(PAGE, {"grounded": "Not recorded yet: `make figures-grounded`, three hours.\n"})
    measured = read_json(RECORD)
    when = f"Recorded on {measured['date']} ({measured['machine']}); `make figures-grounded` makes them again.\n"
    tables = f"{pairs_table(measured)}\n{labels_table(measured)}\n{voice_table(measured)}\n{when}"
    return page_with_blocks(PAGE, {"grounded": tables})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true")
    parser.add_argument(
        "--arms", nargs="+", choices=ARMS, default=[BASE, PROMPTED, "plain", "grounded_50", "demo", STRICT]
    )
    parser.add_argument("--contexts", nargs="+", choices=CONTEXTS, default=CONTEXTS)
    parser.add_argument("--folds", type=int, default=FOLDS, help="the first so many folds, as a trial")
    chosen = parser.parse_args()
    if chosen.record:
        record(chosen.arms, chosen.contexts, chosen.folds)
    PAGE.write_text(made_page(), encoding="utf-8")
