"""docs/architecture.md names the files that rules declare, the rules, and places in the code that are there."""

import re

from project import REPOSITORY
from rule_texts import rules_in

PAGE = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
RULES = {path.name: rules_in(path) for path in (REPOSITORY / "rules").glob("*.smk")}
# Every rule that makes a file has work in a project that is configured so.
EVERYTHING = {
    "questions": {"naive_fraction": 0.5},
    "grounding": {"rows": True, "rewrite": True},
    "dataset": {"test_fraction": 0.2, "export": True, "second_reader": True},
    "training": {"replay": {"file": "general.jsonl", "share": 0.3}},
    "export": {"mlx_bits": [4]},
    "evaluation": {"judge": True, "arms": ["prompted", "tuned"]},
}
TARGETS = ("all", "channel_report")
# What the contract writes for a part of a path.
PARTS = {
    "ID": r"[\w-]{11}",
    "SLOT": r"q\d\d",
    "BASE": "tiny-base",
    "BLOCK": r"\d+-of-\d+",
    "NAME": "tiny",
    "QUANTIZATION": r"Q4_K_M",
    "BITS": r"\d",
    "WHICH": r"\w+",
    "CONTEXT": r"(?:none|true|retrieved|misses)",
}


def contract() -> dict[str, str]:
    """The rule of each file of the contract, the file as a regular expression."""
    table = PAGE.split("| file | rule | record |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (`.*?`) \| (\w+) \|", table, re.MULTILINE)
    return {pattern_of(file): rule for files, rule in rows for file in re.findall(r"`([^`]+)`", files)}


def pattern_of(file: str) -> str:
    return re.sub("|".join(PARTS), lambda part: PARTS[part[0]], re.escape(file))


def declared(summary: str) -> dict[str, str]:
    """The rule of each file that `snakemake --summary` lists."""
    return dict(re.findall(r"^((?:data|models)/[^\t]+)\t[^\t]+\t(\w+)\t", summary, re.MULTILINE))


def test_the_contract_has_every_file_that_a_rule_declares_and_no_other(project):
    (project / "general.jsonl").write_bytes((project / "data/dataset/train.jsonl").read_bytes())
    config = project.config()
    project.configure(**{group: {**config.get(group, {}), **keys} for group, keys in EVERYTHING.items()})
    found, promised = declared(project.snakemake("--summary", *TARGETS)), contract()
    assert set(found.values()) == {name for rules in RULES.values() for name, body in rules if "\n    output:" in body}
    for file, rule in found.items():
        assert [rule] == [promised[row] for row in promised if re.fullmatch(row, file)], file
    for row, rule in promised.items():
        assert any(re.fullmatch(row, file) for file in found), f"{row} of {rule} is in the page alone"


def test_the_flow_has_every_rule_beside_its_file():
    flow = PAGE.split("## The flow")[1].split("`snakemake --list-rules`")[0]
    stages = dict(re.findall(r"^    (\w+\.smk) (.*?)(?=^    \w+\.smk|\Z)", flow, re.MULTILINE | re.DOTALL))
    assert set(stages) == set(RULES) - {"common.smk"}
    for file, text in stages.items():
        for name, _ in RULES[file]:
            assert re.search(rf"\b{name}\b", text), f"{file}: {name}"


def test_the_places_in_the_code_that_the_page_names_are_there():
    code = {
        path: path.read_text(encoding="utf-8")
        for folder in ("workflow_scripts", "rules", "tests", "schemas")
        for path in (REPOSITORY / folder).rglob("*")
        if path.suffix in (".py", ".smk", ".yaml")
    }
    named = re.findall(r"`((?:\w+/)*\w+\.(?:py|smk))`", PAGE)
    assert len(named) > 40
    for path in named:
        assert any(str(found).endswith(f"/{path}") for found in REPOSITORY.glob("[!.]*/**/*.*")), path
    everything = "\n".join(code.values())
    for name in re.findall(r"`([a-z]+_[a-z_]+|[A-Z]{3,}(?:_[A-Z]+)*)(?:\(\.*\))?`", PAGE):
        assert re.search(rf"\b{name}\b", everything), name
