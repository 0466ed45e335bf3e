"""General chat rows among the training rows, and what decides which adapters are kept, through the rules."""

import json
import logging

import pytest

from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, read_json_lines, write_json_lines
from understudy.train.replay_rows import mix_replay_rows, rows_for_share


def chat_row(question, answer="An answer."):
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture
def mix(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_json_lines("train.jsonl", [chat_row(f"talk {n}") for n in range(18)])
    write_json_lines("valid.jsonl", [chat_row("held out")])
    write_json_lines("general.jsonl", [{**chat_row(f"general {n}"), "source": "elsewhere"} for n in range(5)])

    def mixed(share=0.1, seed=42):
        mix_replay_rows("train.jsonl", "valid.jsonl", "general.jsonl", share, seed, {"train": "t", "valid": "v"})
        return [row for _, row in read_json_lines("t")]

    return mixed


def test_the_share_is_that_of_all_rows():
    assert rows_for_share(1367, 0.1) == 152
    assert rows_for_share(18, 0.1) == 2
    assert rows_for_share(10, 0.5) == 10


def test_all_own_rows_and_a_share_of_general_ones_come_once(mix, tmp_path):
    rows = mix()
    questions = [row["messages"][0]["content"] for row in rows]
    assert len(set(questions)) == len(questions) == 20
    assert sum(question.startswith("general") for question in questions) == 2
    assert all(set(row) == {"messages"} for row in rows)
    assert (tmp_path / "v").read_bytes() == (tmp_path / "valid.jsonl").read_bytes()
    assert mix() == rows != mix(seed=43)


def test_too_few_rows_are_told_with_the_share_that_would_do(mix):
    with pytest.raises(
        InputFileError, match=r"general.jsonl has 5 rows; .*share 0.5 .*takes 18.*lower the share to 0\.21"
    ):
        mix(share=0.5)
    assert len(mix(share=0.21)) == 18 + 5


def test_a_share_of_less_than_one_row_is_told(mix, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("understudy"), "propagate", True)
    assert len(mix(share=0.01)) == 18
    assert "a share of 0.01 beside 18 rows is less than one row: nothing is mixed in" in caplog.text


def test_a_general_row_that_is_none_is_named_by_its_line(mix, tmp_path):
    with (tmp_path / "general.jsonl").open("a") as opened:
        opened.write(json.dumps({"text": "no chat"}) + "\n")
    with pytest.raises(InputFileError, match=r"general.jsonl, line 6: a row is"):
        mix()


def test_a_project_trains_on_the_mix_and_another_choice_of_adapters_trains_nothing(project):
    write_json_lines(project / "general.jsonl", [chat_row("What is the capital of France?", "Paris.")] * 3)
    project.configure(training={"replay": {"file": "general.jsonl", "share": 0.2}})
    assert project.planned("models/tiny/adapters/adapters.safetensors") == {
        "replay_rows": 1,
        "lora_config": 1,
        "adapters": 1,
    }
    project.snakemake("models/tiny/adapters/adapters.safetensors", "models/tiny/loss.svg", "models/tiny/commands.sh")
    rows = (project / "models/tiny/rows/train.jsonl").read_text()
    assert "capital of France" in rows
    assert "data: models/tiny/rows" in (project / "models/tiny/lora.yaml").read_text()
    assert "<svg" in (project / "models/tiny/loss.svg").read_text()
    runs = set((project / "models/tiny/runs").iterdir())
    project.configure(training={"keep": "last"})
    assert project.planned("models/tiny/adapters/adapters.safetensors") == {"adapters": 1}
    project.snakemake("models/tiny/adapters/adapters.safetensors")
    assert set((project / "models/tiny/runs").iterdir()) == runs
    kept = read_json(project / "models/tiny/adapters/kept.json")
    assert kept["kept"]["iteration"] == kept["last"]["iteration"]


def test_a_replay_file_that_is_not_there_stops_the_run_at_once(project):
    project.configure(training={"replay": {"file": "none.jsonl"}})
    assert "training.replay.file is 'none.jsonl': there is no such file" in project.snakemake("-n", succeeds=False)
