"""`snakemake` without a target, as a user types it at the end."""

from understudy.shared.files import read_json


def test_everything_is_made_and_then_nothing_is_left_to_do(project):
    project.configure(
        evaluation={"max_examples": 4, "max_tokens": 24, "judge": True},
        export={"quantizations": ["F16", "Q8_0"], "bad_answers": "warn"},
    )
    project.snakemake()
    evaluation = read_json(project / "models/tiny/evaluation.json")
    assert set(evaluation["models"]) == {"base", "tuned", "Q8_0"}
    assert evaluation["verdict"]["status"] in ("better", "no_difference", "worse", "mixed")
    assert read_json(project / "models/tiny/judge.json")["rows"] == len(evaluation["rows"])
    card = (project / "models/tiny/README.md").read_text()
    assert evaluation["verdict"]["line"][:30] in card and "Hugging Face folder" in card
    report = (project / "models/tiny/report.html").read_text()
    assert "Content-Security-Policy" in report
    assert [step["step"] for step in read_json(project / "models/tiny/export.json")["steps"]][-2:] == ["F16", "Q8_0"]
    assert (project / "models/tiny/Modelfile").read_text().count("FROM ") >= 1
    assert "Nothing to be done" in project.snakemake()
