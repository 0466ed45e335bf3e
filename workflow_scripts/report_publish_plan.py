"""Rule publish_plan of rules/report.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.report.publish import publish_model
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    export = snakemake.config["export"]
    publish_model(
        Path("models"),
        snakemake.config["name"],
        export["hub_repo"],
        export["private"],
        export["publish"],
        str(Path(snakemake.input.base).parent),
        sends=snakemake.params.sends,
        index=Path("data/index") if export["publish_transcripts"] else None,
    )
