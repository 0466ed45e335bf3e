"""YAML from outside as plain data: nothing in it is evaluated, and a few lines don't become gigabytes."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from understudy.shared.errors import InputFileError

# A configuration has some two hundred; each alias counts with all that it stands for.
MOST_VALUES = 20_000
# What PyYAML says of the mistakes that people make, and what to write instead.
MISTAKES = [
    (r"found character '\\t'", "a tab. Indent with spaces."),
    (r"that cannot start any token", "a value can't begin with {character}. Put it into quotation marks: {quoted}"),
    (
        r"mapping values are not allowed",
        "a colon where none can be. Put a value that has one into quotation marks; keys of a group begin in one column.",
    ),
    (
        r"could not find expected ':'",
        "a key without a colon after it, or a line that is indented otherwise than those above.",
    ),
    (r"expected <block end>", "this line doesn't go with those above: keys of a group begin in one column."),
    (r"expected ',' or ", "a bracket that is not closed, or a comma that is missing before here."),
    (r"end of stream", "a quotation mark that is not closed."),
    (r"undefined alias", "a value can't begin with *. Put it into quotation marks."),
]


def read_yaml(path: str | Path) -> Any:
    """Return what is in a YAML or JSON file.

    Raises InputFileError, naming file and line, for what is not UTF-8, is not YAML, has a key that Snakemake would evaluate
    (`__use_yte__`), has a tag of Python's, or is larger than a configuration can be once its aliases are written out."""
    text = _decoded(path)
    try:
        # As Snakemake does; JSON may have tabs, which YAML refuses.
        if "\\u0000" not in text:
            return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            _Checked(path).values_in(root)
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        raise InputFileError(_mistake(path, text, error)) from None
    except ReaderError as error:
        raise InputFileError(_bad_character(path, text[: error.position], error.character)) from None
    except yaml.YAMLError as error:
        raise InputFileError(f"{path} is not YAML: {error}") from None
    except RecursionError:
        raise InputFileError(f"{path}: values are nested too deeply.") from None
    except ValueError as error:
        raise InputFileError(f"{path} has a value that can't be read: {error}") from None


def _mistake(path: str | Path, text: str, error: yaml.MarkedYAMLError) -> str:
    """Where a mistake is, what it is, and what to write."""
    problem = error.problem or ""
    is_open = problem.endswith("end of stream") and error.context_mark
    mark = error.context_mark if is_open else error.problem_mark or error.context_mark
    if mark is None:
        return f"{path} is not YAML: {error}"
    line = text.splitlines()[mark.line] if mark.line < len(text.splitlines()) else ""
    says = next((says for pattern, says in MISTAKES if re.search(pattern, problem)), None)
    said = says or ", ".join(filter(None, [error.context, problem])) + "."
    if says and "{quoted}" in says:
        value = line[mark.column :].split(" #")[0].strip().replace('"', '\\"')
        said = says.format(
            character=line[mark.column : mark.column + 1], quoted=f'{line[: mark.column]}"{value}"'.strip()
        )
    return f"{_place(path, mark)}: {said}"


def _place(path: str | Path, mark: yaml.Mark) -> str:
    return f"{path}, line {mark.line + 1}, column {mark.column + 1}"


def _bad_character(path: str | Path, before: str, character: int | str) -> str:
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    code = character if isinstance(character, int) else ord(character)
    what = "a NUL byte" if code == 0 else f"the control character U+{code:04X}"
    return (
        f"{path}, line {line}, column {column}: {what}, which no text has. Remove it; where many are, the file is UTF-16: save "
        "it as UTF-8."
    )


def _decoded(path: str | Path) -> str:
    content = Path(path).read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputFileError(f"{path}, line {line}: it is not UTF-8. Save the file as UTF-8.") from None


class _Checked:
    """What a file's nodes come to, each counted once however often an alias names it."""

    def __init__(self, path: str | Path):
        self._path = path
        self._counts: dict[int, int | None] = {}

    def values_in(self, node: yaml.Node) -> int:
        """The number of values with all aliases written out. Raises InputFileError for more than MOST_VALUES, a loop, and a key
        that Snakemake would evaluate."""
        if id(node) in self._counts:
            count = self._counts[id(node)]
            if count is None:
                raise InputFileError(f"{self._at(node)}: a value that contains itself. Write it out without the alias.")
            return count
        self._counts[id(node)] = None
        count = 1 + sum(self.values_in(child) for child in self._children(node))
        if count > MOST_VALUES:
            raise InputFileError(
                f"{self._at(node)}: with its aliases written out this has over {MOST_VALUES:,} values. Write it out, without `*`."
            )
        self._counts[id(node)] = count
        return count

    def _children(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.ScalarNode) and "\0" in node.value:
            raise InputFileError(
                f"{_place(self._path, node.start_mark)}: a NUL byte in a value, which no name and no path can have. Remove it."
            )
        if isinstance(node, yaml.MappingNode):
            first: dict[str, yaml.Node] = {}
            for key, _ in node.value:
                other = first.setdefault(key.value, key) if isinstance(key, yaml.ScalarNode) else key
                if other is not key and key.value != "<<":
                    raise InputFileError(
                        f"{_place(self._path, key.start_mark)}: {key.value!r} is there for the second time, after line "
                        f"{other.start_mark.line + 1}. Keep one of the two."
                    )
                if isinstance(key, yaml.ScalarNode) and key.value.startswith("__"):
                    raise InputFileError(
                        f"{self._at(key)}: {key.value!r} is not a key. Snakemake would evaluate the file as a program, and a "
                        "configuration is data. Remove it, if you trust who wrote it."
                    )
            return [part for pair in node.value for part in pair]
        return node.value if isinstance(node, yaml.SequenceNode) else []

    def _at(self, node: yaml.Node) -> str:
        return f"{self._path}, line {node.start_mark.line + 1}"
