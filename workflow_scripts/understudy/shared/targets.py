"""What a user asks Snakemake for, checked before anything is planned: a name that no rule makes is refused with the nearest
that one does, also where a rule would find it out after hours."""

import difflib
import itertools
import os
from collections.abc import Iterable

from snakemake.workflow import DAG
from snakemake_interface_common.exceptions import ApiError

_init_of_snakemake = DAG.init


def check_targets(values: dict[str, list[str]], examples: dict[str, list[str]]) -> None:
    """Have this process's Snakemake refuse a target that can't be made. `values` are those that a wildcard takes, by its name;
    one that isn't there takes any, of which `examples` has those to suggest."""

    async def init(dag: DAG, *arguments, **options) -> None:
        for target in map(str, dag.targetfiles):
            if mistake := mistake_in(target, dag.rules, values, examples):
                # Unlike a WorkflowError it is shown without the place in the code.
                raise ApiError(mistake)
        await _init_of_snakemake(dag, *arguments, **options)

    DAG.init = init


def mistake_in(
    target: str, rules: Iterable, values: dict[str, list[str]], examples: dict[str, list[str]]
) -> str | None:
    """What to say of a target that neither is there nor can be made, or None."""
    rules = list(rules)
    made = [wildcards_of(rule, target) for rule in rules if rule.is_producer(target)]
    if any(all(value in values.get(name, [value]) for name, value in each.items()) for each in made):
        return None
    if not made and os.path.exists(target):
        return None
    known = [name for rule in rules for name in (rule.name, *outputs_of(rule, values | examples))]
    near = difflib.get_close_matches(target, known, n=1)
    hint = f"Did you mean {near[0]}?" if near else "`understudy run --list-rules` names what can be made."
    return f"Nothing makes {target!r}, neither a rule of this name nor one that writes this file. {hint}"


def wildcards_of(rule, target: str) -> dict[str, str]:
    return dict(rule.get_wildcards(target))


def outputs_of(rule, values: dict[str, list[str]]) -> list[str]:
    """The files that a rule writes, with all known values of their wildcards."""
    written = []
    for pattern in rule.output:
        names = sorted(pattern.get_wildcard_names())
        for chosen in itertools.product(*(values.get(name, []) for name in names)):
            written.append(pattern.apply_wildcards(dict(zip(names, chosen, strict=True))))
    return list(map(str, written))
