"""Every benchmark is on benchmarks/README.md, has a make target, and records on which day and machine it ran."""

import os
import re
import subprocess

import pytest

import write_benchmarks_page as page
from project import REPOSITORY
from understudy.shared.files import read_json, write_json
from write_benchmarks_page import BENCHMARKS

TEXTS = {path.name: path.read_text() for path in (REPOSITORY / "benchmarks").glob("*.py")}
# What others import is a part of them, and no benchmark.
PARTS = {f"{name}.py" for text in TEXTS.values() for name in re.findall(r"^from (\w+) import", text, re.MULTILINE)}
SCRIPTS = sorted(TEXTS.keys() - PARTS)


def would_run(target: str) -> str:
    """The commands of a make target."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "--dry-run", target], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_every_benchmark_begins_its_record_alike():
    assert [name for name in SCRIPTS if "record_head()" not in TEXTS[name]] == []


def test_every_benchmark_is_on_the_page():
    assert sorted(benchmark.script for benchmark in BENCHMARKS) == SCRIPTS


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.script)
def test_a_benchmarks_make_target_runs_it(benchmark):
    assert f"benchmarks/{benchmark.script}" in would_run(benchmark.target)


def test_make_benchmarks_runs_all_of_them_and_makes_the_page():
    commands = would_run("benchmarks")
    assert set(re.findall(r"python benchmarks/([a-z_]+\.py)", commands)) == set(SCRIPTS)
    assert "docs/write_*.py" in commands[commands.rindex("benchmarks/") :]


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.script)
def test_a_record_begins_with_day_machine_and_load(benchmark):
    record = REPOSITORY / "docs" / benchmark.record
    if not record.exists():
        assert "Not recorded yet." in page.section(benchmark)
        return
    assert list(read_json(record))[:3] == ["date", "machine", "load_before"]
    assert f"on {read_json(record)['date']} ({read_json(record)['machine']}" in page.section(benchmark)


def test_a_benchmark_without_a_record_says_so(tmp_path, monkeypatch):
    captions = BENCHMARKS[0]
    monkeypatch.setattr(page, "DOCS", tmp_path)
    assert page.recorded(captions) == "Not recorded yet.\n"
    write_json(tmp_path / captions.record, read_json(REPOSITORY / "docs" / captions.record))
    assert "of one core; pysubs2" in page.recorded(captions)
