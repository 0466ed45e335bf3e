"""The command `understudy` of this checkout; .venv/bin/understudy, which envs/create_venv.sh writes, runs it."""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Ctrl-C while the modules are loaded is no traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from understudy.commands.command_line import main

if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
