"""Rule questions of rules/teach.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.shared.log import start_job_log
from understudy.teach.progress import log_progress
from understudy.teach.questions import ask_questions
from understudy.text.transcripts import Reading

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    ask_questions(
        transcript_path=snakemake.input.transcript,
        reading=Reading.of_project(snakemake.config["source"]["speaker"]),
        prompt=snakemake.input.prompt,
        identity=snakemake.params.teacher,
        settings=snakemake.config["teacher"],
        slots=snakemake.params.slots,
        style=snakemake.params.style,
        threads=snakemake.threads,
        fresh=snakemake.config["fresh"] == "questions",
        off_topic=snakemake.config["questions"]["off_topic"],
        path=snakemake.output.questions,
    )
    log_progress(Path("data"))
