"""What would run, why, for how long and how much, in words."""

import pytest

from project import MODEL
from understudy.commands.status import status_text
from understudy.shared.what_would_run import other_values

TEACHING = "requests: 2 for questions. About 8 s to 40 s with 2 requests in flight."


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lora.tsv").write_text("s\th:m:s\n12.5\t0:00:12\n")
    return {
        "answers": {"jobs": 3, "reasons": ["prompts/answers.md has changed"], "benchmarks": ["a.tsv", "b.tsv"]},
        "lora_config": {"jobs": 1, "reasons": ["learning_rate is 0.002, was 0.001"], "benchmarks": ["lora.tsv"]},
        "adapters": {"jobs": 1, "reasons": [], "benchmarks": ["adapters.tsv"]},
        "gguf": {"jobs": 1, "reasons": [], "benchmarks": ["gguf.tsv"]},
        "all": {"jobs": 1, "reasons": [], "benchmarks": []},
    }


def test_each_stage_has_its_reason_time_and_cost(plan):
    said = status_text(plan, lambda: TEACHING)
    for line in (
        "learning_rate is 0.002, was 0.001",
        "prompts/answers.md has changed",
        "About 12 s for what was made here before.",
        "what it is made of is made anew",
        f"The teacher: {TEACHING}",
        "Not made here before, so its time isn't known: training, export.",
    ):
        assert line in said
    assert "all " not in said and "adapters" not in said
    assert [line.split()[0] for line in said.splitlines()[2:4]] == ["answers", "training"], (
        "a line a stage, not one a rule"
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ({"{'rank': 8, 'lora': {'scale': 20.0}}"}, {"{'rank': 8, 'lora': {'scale': 10.0}}"}, "lora.scale is 10.0, was 20.0"),
        ({"{'a': 1}", "'voice'"}, {"{'a': None}", "'other'"}, "a is not set, was 1; is other, was voice"),
        ({"['en']"}, {"['de', 'en']"}, "is ['de', 'en'], was ['en']"),
        (set(), {"1"}, "its settings have changed"),
    ],
)  # fmt: skip
def test_the_one_value_that_changed_is_named(old, new, says):
    assert set(other_values(old, new).split("; ")) == set(says.split("; "))


def test_a_project_says_what_a_change_costs(project):
    """Through Snakemake: nothing to do, a setting, a talk more; and a dry run before the talks are listed."""
    assert "Nothing to do" in project.understudy("status", MODEL)
    project.configure(training={"learning_rate": "2e-3"})
    assert "learning_rate is 0.002, was 0.001" in project.understudy("status", MODEL)
    project.add_talk("peas")
    assert "captions/peas.srt is new" in project.understudy("status", MODEL)


def test_the_first_dry_run_names_the_costliest_stages(new_project, teacher):
    said = new_project.snakemake("-n", "--quiet", "rules", "--", MODEL)
    assert "Not in this list until the talks are listed: transcript, questions and answers of each of 2 talks." in said
    assert (
        "They take the longest, with the training (adapters). The teacher: requests: 2 for questions, 8 for answers."
        in said
    )
    assert teacher.asked() == []
