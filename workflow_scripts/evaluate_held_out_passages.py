"""Rule held_out_passages of rules/evaluate.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.evaluate.evaluation import token_counter
from understudy.evaluate.held_out_passages import write_held_out_passages
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_held_out_passages(
        {
            "rows": snakemake.input.rows,
            "pairs": snakemake.input.pairs,
            "index": str(Path(snakemake.input.index).parent),
        },
        snakemake.params.settings,
        token_counter(str(Path(snakemake.input.base).with_name("tokenizer.json"))),
        snakemake.config["retrieval"]["embedder"],
        snakemake.output[0],
        snakemake.threads,
    )
