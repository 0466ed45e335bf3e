"""What the report draws and adds up: places, signs, and what a stage took."""

import json

import pytest

from understudy.evaluate.intervals import Interval
from understudy.report.page.account import flat_settings, spending_by_pass, times_by_stage, versions
from understudy.report.page.figures import forest_line, strip

LOSS = {"says": "loss", "better": "lower", "is_share": False}
VOICE = {"says": "voice", "better": "higher", "is_share": True}
TOKENS = {"says": "tokens", "better": None, "is_share": False}


@pytest.mark.parametrize(
    ("figure", "interval", "outcome", "is_right"),
    [
        (LOSS, (-0.6, -0.7, -0.5), "better", True),
        (LOSS, (0.6, 0.5, 0.7), "worse", False),
        (VOICE, (0.6, 0.5, 0.7), "better", True),
        (VOICE, (-0.6, -0.7, -0.5), "worse", False),
        (TOKENS, (40.0, 30.0, 50.0), None, True),
        (TOKENS, (-40.0, -50.0, -30.0), None, False),
    ],
)
def test_better_is_drawn_on_the_right(figure, interval, outcome, is_right):
    # A share from which it can go so far.
    base = 0.2 if figure is VOICE and interval[0] > 0 else 1.0
    line = forest_line(figure, base, base + interval[0], Interval(*interval, 0.95, 10))
    assert line["outcome"] == outcome
    assert line["low"] < line["at"] < line["high"]
    assert (line["low"] > 50) == is_right
    assert (line["high"] < 50) != is_right
    assert 0 < line["low"] < line["high"] < 100


def test_an_interval_around_zero_crosses_the_middle():
    line = forest_line(LOSS, 1.0, 1.1, Interval(0.1, -0.1, 0.3, 0.95, 10))
    assert line["outcome"] == "no_difference"
    assert line["low"] < 50 < line["high"]
    assert line["interval"] == "-0.1 to +0.3"


def test_one_talk_has_a_dot_and_no_interval():
    line = forest_line(VOICE, 0.1, 0.2, Interval(0.1, None, None, 0.95, 1))
    assert line["low"] == line["at"] == line["high"]
    assert line["interval"] == "one talk has no interval"
    assert forest_line(LOSS, 1.0, 1.0, Interval(0.0, 0.0, 0.0, 0.95, 9))["at"] == 50


def test_a_strip_has_means_and_where_eight_in_ten_lie():
    drawn = strip(TOKENS, {"reference": [100, 100], "base": list(range(201)), "early": [0, 0]})
    by_name = {line["name"]: line for line in drawn["lines"]}
    assert by_name["Base"]["range"] == "20 to 180"
    assert by_name["Base"]["mean"] == "100"
    assert by_name["Base"]["low"] < by_name["Base"]["at"] == drawn["reference"] < by_name["Base"]["high"] <= 100
    assert by_name["early"]["kind"] == "other"
    assert strip(TOKENS, {"reference": [0, 0], "base": [0, 0]})["reference"] == 4


def benchmark_file(path, seconds, memory):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t{memory}\n")


def test_the_time_of_a_stage_is_that_of_its_jobs_for_this_model(tmp_path):
    for name, seconds, memory in (
        ("transcripts/abc", 1.5, 30),
        ("transcripts/adapters", 2.5, 40),
        ("tiny/adapters", 100, 800),
        ("tiny/gguf-Q4_K_M", 3, "NA"),
        ("other/adapters", 999, 999),
        ("models/base/tiny-base", 4, 90),
        ("tiny/loss_curve", 1, 1),
    ):
        benchmark_file(tmp_path / f"{name}.tsv", seconds, memory)
    (tmp_path / "tiny/hf.tsv").write_text("")
    found = {each.stage: tuple(each)[1:] for each in times_by_stage(tmp_path, "tiny")}
    assert found == {
        "transcripts": (2, 4.0, 40.0),
        "base model": (1, 4.0, 90.0),
        "training": (1, 100.0, 800.0),
        "GGUF files": (1, 3.0, 0.0),
    }


def test_the_spending_of_a_pass_is_that_of_all_its_files(tmp_path):
    line = {"time": 1, "settles": "x", "prompt_tokens": 100, "cached_tokens": 40, "completion_tokens": 10, "usd": 0.25}
    for name in ("answers-a", "answers-b", "questions-a"):
        unpriced = {"usd": None} if name == "questions-a" else {}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(line | unpriced) + "\n")
    found = {each["pass"]: each for each in spending_by_pass(tmp_path)}
    assert found["answers"]["requests"] == 2
    assert found["answers"]["prompt_tokens"] == 200
    assert found["answers"]["usd"] == 0.5
    assert found["questions"]["usd"] is None


def test_settings_are_flat_and_without_secrets(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-this-test-alone")
    config = {
        "teacher": {"model": "the key is sk-of-this-test-alone", "prices": None, "bounds": {}},
        "source": {"proxy": "http://inner.example", "cookies": None},
        "export": {"quantizations": ["F16"]},
    }
    assert flat_settings(config) == {
        "teacher.model": "the key is ***",
        "teacher.prices": "null",
        "teacher.bounds": "{}",
        "source.proxy": "(set)",
        "source.cookies": "null",
        "export.quantizations": '["F16"]',
    }


def test_the_versions_of_what_is_there_are_named():
    found = versions()
    assert {"Python", "system", "snakemake", "mlx-lm", "gguf"} <= set(found)
