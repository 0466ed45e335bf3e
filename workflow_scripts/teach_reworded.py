"""Rule reworded of rules/teach.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.shared.log import start_job_log
from understudy.teach.progress import log_progress
from understudy.teach.reworded import reword_questions

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    reword_questions(
        questions_path=snakemake.input.questions,
        prompt=snakemake.input.prompt,
        identity=snakemake.params.teacher,
        settings=snakemake.config["teacher"],
        slots=snakemake.params.slots,
        style=snakemake.params.style,
        threads=snakemake.threads,
        fresh=snakemake.config["fresh"] == "reworded",
        path=snakemake.output.reworded,
    )
    log_progress(Path("data"))
