"""What this machine has: memory, swap, room on the disk."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
import psutil

from understudy.shared.formats import in_gigabytes

SWAP_WORTH_TELLING = 256_000_000


@dataclass(frozen=True)
class MachineMemory:
    """Bytes: all of it, what could be had now without swapping, and what Metal advises to stay under (None elsewhere)."""

    total: int
    available: int
    metal: int | None = None

    @property
    def usable(self) -> int:
        """Bytes that a training may take at most."""
        return min(self.total, self.metal or self.total)


def memory_of_machine() -> MachineMemory:
    """Ask the operating system, and Metal where it is there."""
    found = psutil.virtual_memory()
    metal = mx.device_info().get("max_recommended_working_set_size") if mx.metal.is_available() else None
    return MachineMemory(found.total, found.available, metal)


def free_disk(path: str | Path) -> int:
    """Return the free bytes of the file system that `path`, or the nearest folder above it, is on."""
    path = Path(path).absolute()
    return shutil.disk_usage(next(folder for folder in (path, *path.parents) if folder.exists())).free


def swap_in_use() -> int:
    """Return the bytes that are swapped out."""
    return psutil.swap_memory().used


class SwapWatch:
    """Tells when swapping has grown since the start, or since it was last told."""

    def __init__(self, swap: Callable[[], int] = swap_in_use):
        """`swap` returns the bytes in swap now."""
        self._swap = swap
        self._told = swap()

    def warning(self) -> str | None:
        """Return a line to log, or None while swap has not grown."""
        now = self._swap()
        grown = now - self._told
        if grown < SWAP_WORTH_TELLING:
            return None
        self._told = now
        return (
            f"swap has grown by {in_gigabytes(grown)} to {in_gigabytes(now)}: memory is short, and the training waits "
            f"for the disk. {WHAT_TO_CLOSE}"
        )


WHAT_TO_CLOSE = (
    "Save your work and quit the editor, the browser and chat programs; each holds one gigabyte or more, and on a 16 GB Mac an "
    "iteration took 5.5 s with an editor open and 2.5 s without."
)
