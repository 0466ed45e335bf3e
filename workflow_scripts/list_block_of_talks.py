"""The files of a block of talks, each talk with a hash of what is in them."""

from understudy.shared.blocks import talks_with_their_files
from understudy.shared.files import write_json
from understudy.shared.log import log, start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    talks = talks_with_their_files(snakemake.input.answers, snakemake.input.questions, snakemake.input.transcripts)
    write_json(snakemake.output[0], talks)
    log.info("%s: %d talks.", snakemake.output[0], len(talks))
