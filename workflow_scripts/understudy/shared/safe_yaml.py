"""YAML from outside as plain data: nothing in it is evaluated, and a few lines don't become gigabytes."""

import json
from pathlib import Path
from typing import Any

import yaml

from understudy.shared.errors import InputFileError

# A configuration has some two hundred; each alias counts with all that it stands for.
MOST_VALUES = 20_000


def read_yaml(path: str | Path) -> Any:
    """Return what is in a YAML or JSON file.

    Raises InputFileError, naming file and line, for what is not UTF-8, is not YAML, has a key that Snakemake would evaluate
    (`__use_yte__`), has a tag of Python's, or is larger than a configuration can be once its aliases are written out."""
    text = _decoded(path)
    try:
        # As Snakemake does; JSON may have tabs, which YAML refuses.
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            _Checked(path).values_in(root)
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise InputFileError(
            f"{where}: {error.problem or 'it'} is not what YAML takes. {error.context or ''}".rstrip()
        ) from None
    except yaml.YAMLError as error:
        raise InputFileError(f"{path} is not YAML: {error}") from None
    except RecursionError:
        raise InputFileError(f"{path}: values are nested too deeply.") from None
    except ValueError as error:
        raise InputFileError(f"{path} has a value that can't be read: {error}") from None


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
        if isinstance(node, yaml.MappingNode):
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value.startswith("__"):
                    raise InputFileError(
                        f"{self._at(key)}: {key.value!r} is not a key. Snakemake would evaluate the file as a program, and a "
                        "configuration is data. Remove it, if you trust who wrote it."
                    )
            return [part for pair in node.value for part in pair]
        return node.value if isinstance(node, yaml.SequenceNode) else []

    def _at(self, node: yaml.Node) -> str:
        return f"{self._path}, line {node.start_mark.line + 1}"
