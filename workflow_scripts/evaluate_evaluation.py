"""Rule evaluation of rules/evaluate.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.evaluate.contexts import name_in_context
from understudy.evaluate.evaluation import evaluate
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    evaluate(
        {Path(path).stem: path for path in snakemake.input.answers},
        snakemake.input.train,
        snakemake.input.pairs,
        str(Path(snakemake.input.base).with_name("tokenizer.json")),
        snakemake.output[0],
        {name_in_context(Path(path).stem, Path(path).parent.name): path for path in snakemake.input.in_context},
        *(next(iter(snakemake.input[name]), None) for name in ("passages", "index", "gate")),
    )
