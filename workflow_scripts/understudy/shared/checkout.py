"""Where this checkout of the repository lies."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
