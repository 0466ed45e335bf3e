"""Rule held_out_answers of rules/evaluate.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.models.blas import run_with_optimised_blas

if __name__ == "__main__":
    run_with_optimised_blas()

from understudy.evaluate.held_out_answers import answer_held_out
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    answer_held_out(
        snakemake.wildcards.which,
        snakemake.params.model,
        snakemake.params.tokenizer,
        {key: snakemake.input[key] for key in ("rows", "train", "pairs")},
        snakemake.params.settings,
        snakemake.output[0],
        snakemake.threads,
    )
