"""Give a project's model another name: understudy rename NEW. What has the name goes along, and nothing is trained or made again
but the pages that say it."""

import json
import os
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from pathlib import Path

from understudy.configuration import MODEL_NAME, base_folder_name
from understudy.gguf.types import FIRST_CHOICE_FIRST
from understudy.shared.errors import ConfigurationError, UnderstudyError
from understudy.shared.files import file_sha256, read_json, write_json, write_text
from understudy.shared.log import log
from understudy.shared.snakemake_records import METADATA, record_of
from understudy.train.checkpoints import run_identity
from understudy.train.record import KEPT, shaping_settings

CONFIG = Path("config.yaml")
INCOMPLETE = METADATA.with_name("incomplete")
# Of the model's folder: what is written for people or names paths. What a program loads stays as it is.
TEXTS = (
    "*.yaml", "*.sh", "*.md", "*.json", "Modelfile", "evaluation/**/*.json", "adapters/adapter_config.json", "adapters/kept.json",
    "runs/*/adapter_config.json", "runs/*/kept.json",
)  # fmt: skip
NAME_LINE = re.compile(r"^(name\s*:\s*)(['\"]?)([^'\"#\n]*?)\2([ \t]*(?:#.*)?)$", re.M)


def rename(old: str, new: str, config: dict) -> None:
    """Give the model `old` of the project in the working directory the name `new`.

    Raises ConfigurationError, before anything is changed, for a name that can't be one or is taken, and for a config.yaml
    whose `name` isn't a line of its own."""
    check_new_name(old, new)
    moves = moves_of(old, new)
    taken = [str(to) for _, to in moves if to.exists()]
    if taken:
        raise ConfigurationError(f"{taken[0]} is there already. Take another name, or move it away.")
    settings = renamed_settings(CONFIG.read_text(encoding="utf-8"), old, new)
    before = identity_of_training(old, config)
    for source, to in moves:
        to.parent.mkdir(parents=True, exist_ok=True)
        source.rename(to)
    changed = [path for path in texts_of(new) if rewrite(path, old, new)]
    carry_records_over(old, new, changed)
    carry_training_over(new, config, before)
    write_text(CONFIG, settings)
    log.info(
        "%s is %s now: config.yaml, models/, logs/ and Snakemake's records. The next run writes the pages anew that say the "
        "name. The GGUF files keep the old one inside; `understudy run -R gguf` writes them anew.",
        old,
        new,
    )


def check_new_name(old: str, new: str) -> None:
    if not MODEL_NAME.fullmatch(new) or new == "base":
        raise ConfigurationError(
            f"{new!r} can't be a name. It takes letters, digits, `.`, `_` and `-`, and is not base."
        )
    if new == old:
        raise ConfigurationError(f"The name is {old!r} already.")
    if any(METADATA.with_name("locks").glob("*")):
        raise UnderstudyError(
            "A Snakemake run is under way here, or was killed. Rename when it has ended; after a killed one, "
            "`understudy run --unlock`."
        )


def moves_of(old: str, new: str) -> list[tuple[Path, Path]]:
    """What is called by the name, and what it is to be called."""
    files = [(f"models/{old}-{quant}.gguf", f"models/{new}-{quant}.gguf") for quant in FIRST_CHOICE_FIRST]
    folders = [(f"{parent}/{old}", f"{parent}/{new}") for parent in ("models", "logs", "logs/benchmarks")]
    return [(Path(source), Path(to)) for source, to in (*folders, *files) if Path(source).exists()]


def renamed_settings(text: str, old: str, new: str) -> str:
    """config.yaml with the new name, comments and all. Raises ConfigurationError if it has no line for it."""
    found = [match for match in NAME_LINE.finditer(text) if match[3].strip() == old]
    if len(found) != 1:
        raise ConfigurationError(
            f"{CONFIG} has no line `name: {old}` that could be changed. Write the name so, and try again."
        )
    line = found[0]
    return renamed(text[: line.start()] + f"{line[1]}{line[2]}{new}{line[2]}{line[4]}" + text[line.end() :], old, new)


def renamed(text: str, old: str, new: str) -> str:
    """The text with the paths of the model, as seen from the project, by its new name."""
    text = re.sub(rf"(?<![\w./-])(models|logs|logs/benchmarks)/{re.escape(old)}(?=[/\"'\s]|$)", rf"\1/{new}", text)
    quantizations = "|".join(map(re.escape, FIRST_CHOICE_FIRST))
    return re.sub(rf"(?<![\w./-])models/{re.escape(old)}-(?=(?:{quantizations})\.gguf)", f"models/{new}-", text)


def texts_of(name: str) -> Iterable[Path]:
    folder = Path("models", name)
    return sorted({path for pattern in TEXTS for path in folder.glob(pattern) if path.is_file()})


def rewrite(path: Path, old: str, new: str) -> bool:
    """Write the new paths into a file, which keeps its time. Return whether there were any."""
    text = path.read_text(encoding="utf-8")
    other = renamed(text, old, new)
    if path.name == "Modelfile":
        # It names its neighbours, and the command with the model's name.
        other = re.sub(rf"(?<=\.\./){re.escape(old)}-", f"{new}-", other).replace(
            f"create {old} -f", f"create {new} -f"
        )
    if other == text:
        return False
    times, mode = path.stat(), path.stat().st_mode & 0o777
    write_text(path, other)
    path.chmod(mode)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return True


def identity_of_training(name: str, config: dict) -> str | None:
    """The name of the run by which the adapters were trained, if that can be told."""
    folder = "data/dataset" if config["training"]["replay"]["file"] is None else f"models/{name}/rows"
    rows = [f"{folder}/{side}.jsonl" for side in ("train", "valid")]
    base = f"models/base/{base_folder_name(config['base_model'])}"
    lora_config = f"models/{name}/lora.yaml"
    if not all(Path(path).exists() for path in (lora_config, f"{base}/config.json", *rows)):
        return None
    return run_identity(shaping_settings(lora_config, config["training"]["early_stopping_patience"]), rows, base)


def carry_training_over(name: str, config: dict, before: str | None) -> None:
    """A run is named by all that shapes it, the path of the adapters too."""
    after = identity_of_training(name, config)
    runs = Path("models", name, "runs")
    if before is None or after is None:
        return
    if (runs / before).is_dir() and not (runs / after).exists():
        (runs / before).rename(runs / after)
    for kept in (Path("models", name, "adapters", KEPT), runs / after / KEPT):
        if kept.exists() and (record := read_json(kept)).get("run") == before:
            write_json(kept, {**record, "run": after})


def carry_records_over(old: str, new: str, changed: list[Path]) -> None:
    """In Snakemake's records, what the model's files are called, and the sums of those that were written anew."""
    sums = {str(path): f"sha256:{file_sha256(path)}" for path in changed}
    for folder in (METADATA, INCOMPLETE):
        for path in list(folder.glob("*")) if folder.is_dir() else []:
            if path.is_file():
                carry_over(path, old, new, sums)
    # The card has the name in its first line, and nothing else that Snakemake would notice.
    if METADATA.is_dir() and Path("models", new, "README.md").exists():
        INCOMPLETE.mkdir(exist_ok=True)
        write_json(INCOMPLETE / record_of(f"models/{new}/README.md").name, {"external_jobid": None})


def carry_over(path: Path, old: str, new: str, sums: dict[str, str]) -> None:
    """Bring one record up to date, under its new name."""
    output = urlsafe_b64decode(path.name).decode()
    text = path.read_text(encoding="utf-8")
    record = json.loads(renamed(text, old, new))
    known = record.get("input_checksums") or {}
    if "input" in record:
        record["input"] = sorted(record["input"])
        record["input_checksums"] = {name: sums.get(name, checksum) for name, checksum in known.items()}
    to = path.with_name(record_of(renamed(output, old, new)).name)
    if to != path or json.dumps(record) != text:
        to.write_text(json.dumps(record), encoding="utf-8")
    if to != path:
        path.unlink()
