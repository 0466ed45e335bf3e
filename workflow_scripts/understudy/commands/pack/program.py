"""What a pack carries of this package: the modules that serving imports, found in their source, with their data files."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2]
# What serve.py of a pack imports, and what it starts by its path.
ROOTS = ("understudy.serving.start_pack", "understudy.models.llama.server_process")
# Asks an embedding server by the openai package. A pack names no server, so it never gets there.
NOT_CARRIED = {"understudy.passages.hosted_embedder"}


def copy_program(target: Path) -> None:
    """Copy what a pack runs into `target`, which then can be on Python's path."""
    for path in carried_files():
        copy = target / path.relative_to(PACKAGE.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def carried_files() -> list[Path]:
    """The modules that serving needs, and what lies beside them that is no module: word lists, the page."""
    modules = carried_modules()
    folders = {path.parent for path in modules}
    return sorted(modules | {path for folder in folders for path in data_files(folder)})


def carried_modules() -> set[Path]:
    """The files of all modules of this package that ROOTS import, themselves or by another, at the top or in a function."""
    found: set[Path] = set()
    todo = [file for name in ROOTS for file in files_of(name)]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += [file for name in imports_in(path) - NOT_CARRIED for file in files_of(name)]
    return found


def files_of(module: str) -> list[Path]:
    """The file of a module of this package and those of the packages that it is in; none of a name that is no module."""
    parts = module.split(".")
    if parts[0] != PACKAGE.name:
        return []
    folder = PACKAGE.parent.joinpath(*parts)
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    if not path.is_file():
        return []
    return [path, *(PACKAGE.parent.joinpath(*parts[:length], "__init__.py") for length in range(1, len(parts)))]


def imports_in(path: Path) -> set[str]:
    """The names that a module imports when it runs, `from a import b` as a and a.b; what types alone need is no part of it."""
    names: set[str] = set()
    for node in nodes_that_run(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def nodes_that_run(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below one, without the blocks for types."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from nodes_that_run(child)


def data_files(folder: Path) -> Iterator[Path]:
    """The files of a folder of modules that are no modules, and those of its folders without modules."""
    for path in folder.iterdir():
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            yield path
        elif path.is_dir() and path.name != "__pycache__" and not any(path.glob("*.py")):
            yield from (file for file in path.rglob("*") if file.is_file())
