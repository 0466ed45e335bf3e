"""The ladder through Snakemake: what it waits for, and what it makes."""

from understudy.shared.files import read_json

LADDER, PICTURE = "models/tiny/export.json", "models/tiny/export.svg"


def test_the_rules_measure_the_export_and_draw_it(project):
    assert project.planned(PICTURE) == {"ladder": 1, "ladder_picture": 1}
    printed = project.snakemake(PICTURE)
    assert [step["step"] for step in read_json(project / LADDER)["steps"]] == ["adapters", "fused", "hf", "Q4_K_M"]
    assert "base with adapters" in printed
    assert "Q4_K_M" in (project / PICTURE).read_text(encoding="utf-8")
    assert project.planned(PICTURE) == {}
    project.configure(export={"quantizations": ["F16", "Q4_K_M"]})
    assert project.planned(PICTURE) == {"gguf": 1, "ladder": 1, "ladder_picture": 1}
