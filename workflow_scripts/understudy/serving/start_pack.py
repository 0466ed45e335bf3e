"""What serve.py of a pack calls."""

from pathlib import Path

from understudy.serving.pack import read_pack


def main(folder: Path) -> int:
    print(read_pack(folder))
    return 0
