"""Snakemake's records of what each file was made of: .snakemake/metadata of the project, a JSON file an output."""

import json
from base64 import urlsafe_b64encode
from pathlib import Path

from understudy.shared.files import write_text

METADATA = Path(".snakemake/metadata")


def carry_over_inputs(output: str, moved: dict[str, str]) -> None:
    """In the record of `output`, replace the inputs that are keys of `moved` by their new paths: a file of the checkout that lies
    elsewhere now, with what it always had in it, is no reason to run. Without such a record, do nothing."""
    path = METADATA / urlsafe_b64encode(output.encode()).decode()
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not moved.keys() & set(record["input"]):
            return
        # Snakemake compares the sorted list.
        record["input"] = sorted(moved.get(name, name) for name in record["input"])
        checksums = record.get("input_checksums") or {}
        record["input_checksums"] = {moved.get(name, name): checksum for name, checksum in checksums.items()}
        write_text(path, json.dumps(record))
    except (OSError, ValueError, LookupError, TypeError):
        # Without a record that can be read and written, Snakemake decides by what it has.
        return
