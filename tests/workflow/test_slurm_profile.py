"""profiles/slurm against the workflow and against profiles/default; no Slurm is needed for this."""

import re

import pytest
import yaml

from project import MODEL, REPOSITORY
from rule_texts import rules_in

DEFAULT, SLURM = (
    yaml.safe_load((REPOSITORY / f"profiles/{name}/config.yaml").read_text()) for name in ("default", "slurm")
)
FILES = [REPOSITORY / "Snakefile", *sorted((REPOSITORY / "rules").glob("*.smk"))]
# What decides which files are made anew: two profiles that differ here would undo each other's work.
SHAPING = ("rerun-triggers", "rerun-incomplete", "max-checksum-file-size")


def rules() -> dict[str, str]:
    """The text of every rule by its name."""
    return dict(rule for path in FILES for rule in rules_in(path))


def local_rules() -> set[str]:
    """The rules that stay on the head node."""
    listed = [re.findall(r"^localrules:\n((?:    \w+,\n)+)", path.read_text(), re.MULTILINE) for path in FILES]
    names = {name for lists in listed for block in lists for name in re.findall(r"\w+", block)}
    return names | {name for name, text in rules().items() if "    localrule: True\n" in text}


def caps(profile: dict) -> dict[str, int]:
    return {name: int(cap) for name, cap in (entry.split("=") for entry in profile["resources"])}


def rules_of_nodes() -> list[str]:
    return sorted(rules().keys() - local_rules())


def test_the_profile_repeats_every_key_of_the_default_one():
    assert DEFAULT.keys() - SLURM.keys() == set()
    assert caps(DEFAULT).keys() == caps(SLURM).keys()
    assert {key: SLURM[key] for key in SHAPING} == {key: DEFAULT[key] for key in SHAPING}


def test_every_rule_is_a_cheap_one_or_has_its_resources():
    assert local_rules() <= rules().keys()
    assert len(rules_of_nodes()) > 10
    assert sorted(SLURM["set-resources"]) == sorted(SLURM["set-threads"]) == rules_of_nodes()
    for rule, given in SLURM["set-resources"].items():
        assert re.fullmatch(r"attempt \* \d+", given["mem_mb"]), f"{rule}: a restart gets no more memory"
        assert given["runtime"] > 0, rule


def test_what_a_job_may_ask_at_a_time_is_fixed_because_nodes_do_not_know_the_cap():
    asking = [name for name, text in rules().items() if re.search(r"^        llm=", text, re.MULTILINE)]
    assert {"questions", "answers", "judge"} <= set(asking)
    for rule in asking:
        assert SLURM["set-resources"][rule]["llm"] <= caps(SLURM)["llm"]


def test_nobody_but_the_head_node_asks_youtube():
    asking = [name for name, text in rules().items() if re.search(r"^        youtube=", text, re.MULTILINE)]
    assert asking == ["videos", "transcript"]
    assert set(asking) <= local_rules()
    again = [name for name in asking if not re.search(r"^    retries: 0\b", rules()[name], re.MULTILINE)]
    assert again == [], "the profile's retries would ask YouTube again at once"


@pytest.mark.parametrize("rule", sorted(SLURM["groups"]))
def test_a_group_asks_for_what_one_of_its_talks_takes(rule):
    """They go one after the other; with fewer threads Snakemake would add up the memory and the requests of all."""
    assert SLURM["set-threads"][rule] >= 1024
    assert SLURM["set-resources"][rule]["cpus_per_task"] == 1
    assert SLURM["group-components"][SLURM["groups"][rule]] > 1


def test_a_dry_run_takes_the_profile(new_project):
    said = new_project.snakemake("--workflow-profile", "profiles/slurm", "--dry-run", "--", MODEL)
    assert "Using workflow specific profile profiles/slurm" in said
