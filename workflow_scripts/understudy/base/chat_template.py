"""A base model's chat template, made to write the same text on every day and by every program.

A template that can think writes other text in a row than before an answer, depending on `enable_thinking`, which each program
sets as it likes: mlx_lm to true, llama.cpp to true, transformers not at all. And one that writes today's date makes other rows
of the same answers tomorrow. Both are decided once, in the base model's folder, which all later stages and programs read."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from understudy.shared.files import read_json, write_json, write_text

Change = Callable[[str], str]
# A `set` at the top wins over what a program passes in.
NO_THINKING = "{% set enable_thinking = false %}"
# What Llama 3.2's template itself falls back on: 26 July 2024, a Friday.
FIXED_DATE = {
    "%Y": "2024", "%y": "24", "%m": "07", "%B": "July", "%b": "Jul", "%d": "26", "%-d": "26", "%e": "26", "%j": "208",
    "%A": "Friday", "%a": "Fri", "%H": "12", "%M": "00", "%S": "00", "%F": "2024-07-26",
}  # fmt: skip
DATE_CALL = re.compile(r"""strftime_now\(\s*(["'])(.*?)\1\s*\)""")


def settled_template(template: str) -> str:
    """Return the Jinja template with thinking switched off and the date fixed; one with neither comes back as it is."""
    template = DATE_CALL.sub(lambda call: f"{call[1]}{fixed_date(call[2])}{call[1]}", template)
    if "enable_thinking" in template and not template.startswith(NO_THINKING):
        template = NO_THINKING + template
    return template


def fixed_date(layout: str) -> str:
    """Return the fixed date in a strftime layout."""
    return re.sub(r"%-?[A-Za-z]", lambda code: FIXED_DATE.get(code[0], code[0]), layout)


def settle_chat_template(folder: Path) -> bool:
    """Settle the chat template of a model folder; return whether it changed."""
    return change_chat_template(folder, settled_template)


def change_chat_template(folder: Path, change: Change) -> bool:
    """Apply `change` to the chat template of a model folder, in whichever file it is; return whether it changed."""
    changed = [change_jinja_file(path, change) for path in sorted(folder.glob("chat_template*.jinja"))]
    changed += [
        change_json_file(folder / name, folder / "chat_template.jinja", change)
        for name in ("tokenizer_config.json", "chat_template.json")
        if (folder / name).is_file()
    ]
    return any(changed)


def change_jinja_file(path: Path, change: Change) -> bool:
    template = path.read_text(encoding="utf-8")
    changed = change(template)
    if changed != template:
        write_text(path, changed)
    return changed != template


def change_json_file(path: Path, jinja_file: Path, change: Change) -> bool:
    """Change the template in a JSON file; another one than that of `jinja_file` goes.

    transformers reads the Jinja file where there are both, the gguf package the JSON file."""
    content = read_json(path)
    found = content.get("chat_template") if isinstance(content, dict) else None
    if found is None:
        return False
    changed = changed_value(found, change)
    if jinja_file.is_file() and changed != jinja_file.read_text(encoding="utf-8"):
        changed = None
    if changed == found:
        return False
    rest = {key: value for key, value in content.items() if key != "chat_template"}
    write_json(path, rest if changed is None else {**rest, "chat_template": changed})
    return True


def changed_value(value: Any, change: Change) -> Any:
    """Change a template, or each of a list of named ones."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [{**named, "template": change(named["template"])} for named in value]
    return value
