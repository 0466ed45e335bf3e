"""Rule card of rules/report.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.report.card.card import proof_of_export, write_model_card
from understudy.report.card.evaluation_table import evaluation_markdown
from understudy.report.card.usage import Exports
from understudy.shared.files import read_json
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    records = ("videos", "report", "pairs", "train", "lora_config", "metrics", "adapters")
    folders = {"transcripts": "data/transcripts", "base": str(Path(snakemake.input.base).parent), "models": "models"}
    write_model_card(
        paths={name: snakemake.input[name] for name in records} | folders,
        exports=Exports(snakemake.config["name"], snakemake.params.repository, list(snakemake.params.exports)),
        voice=snakemake.params.voice,
        general_share=snakemake.params.general_share,
        output=snakemake.output[0],
        proof=proof_of_export(snakemake.input.proof),
        evaluation=evaluation_markdown(read_json(snakemake.input.evaluation)),
        notice=snakemake.params.get("notice"),
        with_transcripts=snakemake.params.get("with_transcripts", False),
        whose=snakemake.params.get("whose"),
        rights=snakemake.params.get("rights"),
    )
