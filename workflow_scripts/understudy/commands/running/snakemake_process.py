"""Snakemake's own process of `understudy run`: the arguments are snakemake's. The folder that has the plugin comes first on its
sys.path, so nothing has to be installed. It ends with the process that started it, however that ends."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

LOOK_EVERY_S = 1.0


def end_with(parent: int) -> None:
    """Stop this process's group, which is Snakemake and its jobs, as Ctrl-C does when the parent is gone."""
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY_S)
    os.killpg(0, signal.SIGINT)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[3])
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()

    from snakemake.cli import main

    main(sys.argv[1:])
