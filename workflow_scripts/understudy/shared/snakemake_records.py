"""Snakemake's records of what each file was made of: .snakemake/metadata of the project, a JSON file an output."""

import json
from base64 import urlsafe_b64encode
from pathlib import Path

from understudy.shared.files import write_text

METADATA = Path(".snakemake/metadata")


def has_record(output: str) -> bool:
    """Whether Snakemake knows what an output was made of."""
    return record_of(output).exists()


def record_of(output: str) -> Path:
    """The file of its record; a name that is too long for one is kept elsewhere, and no output here has such a name."""
    return METADATA / urlsafe_b64encode(output.encode()).decode()


def carry_over_inputs(output: str, files: list[str]) -> None:
    """In the record of `output`, write where `files` of the checkout lie now, known by last folder and name: a checkout or
    a folder in it that was moved, with what always was in it, is no reason to run. Without such a record, do nothing."""
    now = {Path(file).parts[-2:]: file for file in files}

    def place_of(name: str) -> str:
        # Only what lies in a checkout: a project may have a folder and a file of these names too.
        return now.get(Path(name).parts[-2:], name) if "workflow_scripts" in Path(name).parts else name

    path = record_of(output)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        # Snakemake compares the sorted list.
        inputs = sorted(map(place_of, record["input"]))
        if inputs == record["input"]:
            return
        record["input"] = inputs
        checksums = record.get("input_checksums") or {}
        record["input_checksums"] = {place_of(name): checksum for name, checksum in checksums.items()}
        write_text(path, json.dumps(record))
    except (OSError, ValueError, LookupError, TypeError):
        # Without a record that can be read and written, Snakemake decides by what it has.
        return
