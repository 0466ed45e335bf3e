"""Rule plan of rules/teach.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.shared.log import start_job_log
from understudy.teach.plan import plan_teaching
from understudy.teach.planned import Prompts

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    plan_teaching(
        data=Path("data"),
        config=snakemake.config,
        identity=snakemake.params.teacher,
        prompts=Prompts(snakemake.input.questions_prompt, snakemake.input.answers_prompt),
        slots=snakemake.params.slots,
        in_flight=snakemake.params.in_flight,
    )
