"""envs/*.yaml have what the scripts of their rules import. Conda itself is not run."""

import ast
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from project import REPOSITORY
from rule_texts import rules_in

SCRIPTS = REPOSITORY / "workflow_scripts"
# The packages of each module that can be imported here, which has all that the lock has.
PACKAGES = {module: set(map(canonicalize_name, names)) for module, names in packages_distributions().items()}


def rules() -> dict[str, tuple[str, str]]:
    """The file of `conda:` and that of `script:` of each rule."""
    found = {}
    for path in sorted((REPOSITORY / "rules").glob("*.smk")):
        for name, body in rules_in(path):
            named = [re.search(rf'\n    {part}:\n +"\.\./(.+?)"', body) for part in ("conda", "script")]
            found[name] = tuple(match.group(1) for match in named)
    return found


RULES = rules()


def modules_of(script: Path) -> set[str]:
    """The modules of packages that a script imports, itself or through this project's own."""
    found, seen, todo = set(), set(), [script]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imports_in(path):
            own = next(
                (file for file in (own_file(name, ".py"), own_file(name, "/__init__.py")) if file.is_file()), None
            )
            if own is None:
                found.add(name.split(".")[0])
            else:
                todo.append(own)
    return found & PACKAGES.keys()


def own_file(module: str, suffix: str) -> Path:
    return SCRIPTS / f"{module.replace('.', '/')}{suffix}"


def imports_in(path: Path) -> set[str]:
    """All names that a file imports when it runs, `from a import b` as a and a.b."""
    names = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    never_run = {id(node) for block in for_types for node in ast.walk(block)}
    for node in (node for node in ast.walk(tree) if id(node) not in never_run):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@cache
def installed_by(environment: str) -> set[str]:
    """The packages that an environment's file names, and those that they need."""
    *_, from_pip = yaml.safe_load((REPOSITORY / environment).read_text())["dependencies"]
    todo, seen = [Requirement(text) for text in from_pip["pip"]], set()
    while todo:
        wanted = todo.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            needed = [Requirement(text) for text in requires(wanted.name) or []]
        except PackageNotFoundError:
            continue
        todo += [one for one in needed if is_needed(one, wanted.extras)]
    return {name for name, _ in seen}


def is_needed(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


@pytest.mark.parametrize("rule", RULES)
def test_a_rules_environment_has_what_its_script_imports(rule):
    environment, script = RULES[rule]
    missing = {
        module: sorted(PACKAGES[module])
        for module in modules_of(REPOSITORY / script)
        if not PACKAGES[module] & installed_by(environment)
    }
    assert not missing, f"{environment} lacks what {script} imports"


def test_every_environment_is_some_rules():
    assert {environment for environment, _ in RULES.values()} == {
        f"envs/{path.name}" for path in (REPOSITORY / "envs").glob("*.yaml")
    }


def test_a_missing_package_is_found():
    assert {"openai", "yaml"} <= modules_of(SCRIPTS / "understudy/evaluate/judge/judge.py")
    assert "pandas" in modules_of(SCRIPTS / "understudy/dataset/dataset.py") - modules_of(
        SCRIPTS / "understudy/source/transcript.py"
    )
    assert "numpy" in installed_by("envs/dataset.yaml")
    assert "pandas" not in installed_by("envs/source.yaml")
