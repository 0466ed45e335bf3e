"""The command `understudy` of this checkout; .venv/bin/understudy, which envs/create_venv.sh writes, runs it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.commands.command_line import main

if __name__ == "__main__":
    sys.exit(main())
