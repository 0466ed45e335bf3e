"""Snakemake's records of what each file was made of: .snakemake/metadata of the project, a JSON file an output."""

from base64 import urlsafe_b64encode
from pathlib import Path

# Names a file that a dry run writes its plan to: shared/what_would_run.py.
PLAN_FILE = "UNDERSTUDY_PLAN_FILE"
METADATA = Path(".snakemake/metadata")


def has_record(output: str) -> bool:
    """Whether Snakemake knows what an output was made of."""
    return record_of(output).exists()


def record_of(output: str) -> Path:
    """The file of its record; a name that is too long for one is kept elsewhere, and no output here has such a name."""
    return METADATA / urlsafe_b64encode(output.encode()).decode()
