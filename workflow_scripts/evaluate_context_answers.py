"""Rule context_answers of rules/evaluate.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.models.blas import run_with_optimised_blas

if __name__ == "__main__":
    run_with_optimised_blas()

from understudy.evaluate.context_answers import answer_in_context
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    prompt = next(iter(snakemake.input.persona), None)
    answer_in_context(
        snakemake.wildcards.which,
        snakemake.wildcards.context,
        snakemake.params.model,
        snakemake.params.tokenizer,
        {key: snakemake.input[key] for key in ("passages", "train", "pairs")},
        (prompt, snakemake.params.voice) if prompt else None,
        snakemake.params.settings,
        snakemake.output[0],
        snakemake.threads,
    )
