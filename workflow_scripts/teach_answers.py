"""Rule answers of rules/teach.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.shared.log import start_job_log
from understudy.teach.answers import answer_questions
from understudy.teach.progress import log_progress
from understudy.text.transcripts import Reading

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    answer_questions(
        transcript_path=snakemake.input.transcript,
        reading=Reading.of_project(snakemake.config["source"]["speaker"]),
        questions_path=snakemake.input.questions,
        prompt=snakemake.input.prompt,
        identity=snakemake.params.teacher,
        settings=snakemake.config["teacher"],
        style=snakemake.params.style,
        in_flight=min(snakemake.config["teacher"]["concurrency"], snakemake.resources.llm),
        threads=snakemake.threads,
        fresh=snakemake.config["fresh"] == "answers",
        paths=snakemake.output,
    )
    log_progress(Path("data"))
