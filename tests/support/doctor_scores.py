"""The doctor's precision and recall on the labelled pairs.

python tests/support/doctor_scores.py    # the table for docs/dataset.md"""

import sys
from pathlib import Path

import pandas as pd
from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow_scripts"))

from understudy.configuration import complete_configuration
from understudy.dataset.doctor.doctor import Doctor, Talk
from understudy.shared.files import read_json, read_json_lines
from understudy.teach.reader import KINDS

REPOSITORY = Path(__file__).resolve().parents[2]
LABELLED = REPOSITORY / "tests/labelled"
NEEDED = {"name": "x", "source": {"captions_dir": "x"}, "teacher": {"gguf": "x.gguf"}, "base_model": "x"}


def judged_pairs() -> pd.DataFrame:
    """The labelled pairs with `language`, and the doctor's verdicts, worst first, at the defaults of the schema."""
    dataset = complete_configuration(NEEDED, REPOSITORY / "schemas/config.schema.yaml")["dataset"]
    prompts = [(REPOSITORY / "prompts" / name).read_text() for name in ("questions.md", "answers.md")]
    talks = read_json(LABELLED / "talks.json")
    doctors = {
        name: Doctor(dataset["doctor"], dataset["verdicts"], [talk["teacher"]], prompts, lambda *texts: 0, 1024)
        for name, talk in talks.items()
    }
    heard = {name: Talk({**talk, "segments": []}) for name, talk in talks.items()}
    pairs = pd.DataFrame([pair for _, pair in read_json_lines(LABELLED / "pairs.jsonl")])
    pairs["language"] = [talks[talk]["language"] for talk in pairs["talk"]]
    columns = pairs[["talk", "question", "answer"]].itertuples(index=False)
    remarks = [doctors[talk].remarks_on(question, answer, heard[talk])[0] for talk, question, answer in columns]
    pairs["verdicts"] = [[remark.verdict for remark in found] for found in remarks]
    return pairs


def scores(pairs: pd.DataFrame) -> pd.DataFrame:
    """Precision and recall: of every verdict (found among a pair's verdicts), then of rejecting as such, by language and in all.

    A pair with two faults counts for both; precision of a verdict is over the pairs that have it."""
    ill = pairs["label"] != "good"
    rejected = pairs["verdicts"].map(bool)
    rows = []
    for verdict in sorted(set(pairs["label"]) - {"good"}):
        has = pairs["verdicts"].map(lambda found, verdict=verdict: verdict in found)
        rows.append((verdict, (pairs["label"] == verdict).sum(), has.sum(), (has & (pairs["label"] == verdict)).sum()))
    for name, part in [*pairs.groupby("language").groups.items(), ("all", pairs.index)]:
        rows.append((f"rejected, {name}", ill[part].sum(), rejected[part].sum(), (ill & rejected)[part].sum()))
    table = pd.DataFrame(rows, columns=["verdict", "labelled", "given", "right"])
    table["precision"] = (table["right"] / table["given"]).round(3)
    table["recall"] = (table["right"] / table["labelled"]).round(3)
    return table


def judged_shared_pairs() -> pd.DataFrame:
    """The pairs that somebody labelled who saw no code, each with whether the doctor rejects it for its wording."""
    dataset = complete_configuration(NEEDED, REPOSITORY / "schemas/config.schema.yaml")["dataset"]
    pairs = pd.DataFrame([pair for _, pair in read_json_lines(LABELLED / "shared/doctor_pairs.jsonl")])
    doctors = {
        language: Doctor(
            {**dataset["doctor"], "language": language}, dataset["verdicts"], [], [], lambda *texts: 0, 1024
        )
        for language in pairs["language"].unique()
    }
    columns = pairs[["language", "question", "answer"]].itertuples(index=False)
    found = [doctors[language].remarks_on(question, answer, None)[0] for language, question, answer in columns]
    pairs["rejected"] = [any(remark.verdict in KINDS for remark in remarks) for remarks in found]
    return pairs


def shared_scores(pairs: pd.DataFrame) -> pd.DataFrame:
    """By language: how many good and bad pairs are rejected, precision, recall, and by kind what is found of the bad ones."""
    rows = []
    for name, part in [*pairs.groupby("language"), ("all", pairs)]:
        bad = part["label"] == "bad"
        right, given = int((bad & part["rejected"]).sum()), int(part["rejected"].sum())
        kinds = part[bad].groupby("kind")["rejected"].agg(lambda found: f"{found.sum()} of {len(found)}")
        scored = {"precision": round(right / given, 3), "recall": round(right / bad.sum(), 3)}
        rows.append({"language": name, **scored, **kinds.to_dict()})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    for table in (scores(judged_pairs()), shared_scores(judged_shared_pairs())):
        print(tabulate(table, headers="keys", tablefmt="github", showindex=False), end="\n\n")
