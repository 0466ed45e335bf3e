"""Rule judge of rules/evaluate.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.evaluate.judge.judge import judge_answers
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    judge_answers(
        name=snakemake.config["name"],
        evaluation=snakemake.input.evaluation,
        prompt=snakemake.input.prompt,
        voice=snakemake.params.voice,
        identity=snakemake.params.teacher,
        settings=snakemake.config["teacher"],
        in_flight=min(snakemake.config["teacher"]["concurrency"], snakemake.resources.llm),
        threads=snakemake.threads,
        output=snakemake.output[0],
    )
