# The whole flow, one include a stage: talks -> transcripts -> questions -> answers -> data set -> adapters -> GGUF.
# The contract between the stages is in docs/architecture.md.
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")

# First of all: an installed copy, or another checkout's, must not win over this one's.
sys.path.insert(0, str(Path(workflow.basedir) / "workflow_scripts"))

from understudy.shared.errors import UnderstudyError
from understudy.shared.failed_jobs import never_count_as_done
from understudy.shared.moved_projects import moving_is_no_reason_to_run
from understudy.shared.safe_yaml import read_yaml

never_count_as_done()
moving_is_no_reason_to_run()

# A configuration is data: Snakemake would evaluate one that asks for it.
if Path("config.yaml").exists():
    try:
        read_yaml("config.yaml")
    except UnderstudyError as error:
        raise WorkflowError(str(error))


configfile: "config.yaml"


report: "report/workflow.rst"


include: "rules/common.smk"
include: "rules/source.smk"
include: "rules/retrieve.smk"
include: "rules/teach.smk"
include: "rules/base.smk"
include: "rules/dataset.smk"
include: "rules/train.smk"
include: "rules/export.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"
include: "rules/functions/start.smk"


from understudy.gguf.types import FIRST_CHOICE_FIRST
from understudy.shared.run import end_fresh, remove_stop_file, start_run_clock
from understudy.shared.targets import check_targets
from understudy.shared.what_would_run import tell_what_would_run
from understudy.teach.edited_questions import keep_edited_questions

if workflow.is_main_process:
    check_targets({"quant": list(FIRST_CHOICE_FIRST), "bits": list("4568")}, {"which": evaluated_models()})
    tell_what_would_run(talks_that_are_not_listed)


rule all:
    """Everything: every GGUF file and MLX folder of the configuration, the Hugging Face folder, what the export did to the model, its evaluation and the report on it, the Modelfile, the model's card, the commands for going on by hand, the pairs to read, the data set's report, the index of the talks, and the gate that says what they answer."""
    default_target: True
    input:
        gguf_files(),
        mlx_folders(),
        model_file("hf/config.json"),
        model_file("Modelfile"),
        model_file("export.json"),
        model_file("export.svg"),
        model_file("evaluation.json"),
        model_file("report.html"),
        verdicts_of_judge(),
        model_file("README.md"),
        model_file("loss.svg"),
        model_file("commands.sh"),
        "data/review/answers.md",
        "data/review/index.html",
        "data/dataset/report.html",
        index_and_gate(),
        optional_files_of_dataset(),
    localrule: True


onstart:
    check_first()
    start_jobs_without_a_rate()
    remove_stop_file()
    start_run_clock(config["fresh"])
    keep_edited_questions(Path("data"))


onsuccess:
    if config["fresh"] is not None:
        end_fresh()
    print_summary_of_teaching()


onerror:
    print_summary_of_teaching()
    print(state_of_talks(), "See docs/troubleshooting.md.")
