"""Rule reader of rules/teach.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.shared.log import start_job_log
from understudy.teach.progress import log_progress
from understudy.teach.reader import read_pairs

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    read_pairs(
        answer_paths=list(snakemake.input.answers),
        prompt=snakemake.input.prompt,
        identity=snakemake.params.teacher,
        settings=snakemake.config["teacher"],
        threads=snakemake.threads,
        fresh=snakemake.config["fresh"] == "reader",
        path=snakemake.output.reader,
    )
    log_progress(Path("data"))
