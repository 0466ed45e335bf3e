"""Rule responses_prune of rules/teach.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.shared.log import start_job_log
from understudy.teach.planned import Prompts
from understudy.teach.responses_prune import prune_responses

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    prune_responses(
        data=Path("data"),
        config=snakemake.config,
        identity=snakemake.params.teacher,
        prompts=Prompts(snakemake.input.questions_prompt, snakemake.input.answers_prompt),
        slots=snakemake.params.slots,
        delete=snakemake.config["prune"],
        judged=sorted(map(str, Path("models").glob("*/judge.json"))),
    )
