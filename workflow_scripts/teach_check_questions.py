"""Rule check_questions of rules/teach.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.shared.log import start_job_log
from understudy.teach.check_questions import check_questions

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    check_questions(Path("data"), snakemake.params.slots)
