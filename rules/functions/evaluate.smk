# Inputs and settings of rules/evaluate.smk.
from understudy.configuration import QUANTIZATION_NAME, is_made_here
from understudy.models.paths import ADAPTER_CONFIG, ADAPTERS, model_to_ask
from understudy.shared.snakemake_records import carry_over_inputs

GENERAL_FOLDER = Path(workflow.basedir) / "workflow_scripts/understudy/evaluate/general"


def held_out_rows_file():
    """The rows that the models are asked about."""
    return config["evaluation"]["file"] or "data/dataset/valid.jsonl"


def evaluated_models():
    """The names of the models that are evaluated, in the order in which they are shown."""
    quantization = config["evaluation"]["quantization"] or config["export"]["quantizations"][-1]
    return ["base", "tuned", quantization, *config["evaluation"]["models"]]


def path_of_evaluated_model(wildcards):
    """Where the model with this name is: base, tuned, a quantization, or one of evaluation.models."""
    which = wildcards.which
    named = {"base": BASE, "tuned": model_file("fused"), **config["evaluation"]["models"]}
    if which not in named and not QUANTIZATION_NAME.fullmatch(which):
        raise WorkflowError(
            f"models/{config['name']}/evaluation/{which}.json: there is no such model. There are {', '.join(named)}, and the "
            f"quantizations; evaluation.models in config.yaml names others."
        )
    return named.get(which, f"models/{config['name']}-{which}.gguf")


def files_of_evaluated_model(wildcards):
    """What has to be there before the model can be asked."""
    path = Path(path_of_evaluated_model(wildcards))
    if path.suffix == ".gguf":
        return [str(path)]
    if path.parent == Path(model_file("adapters")) or path == Path(model_file("adapters")):
        # Of the checkpoints only this one is declared; the others come with it.
        return [model_file(f"adapters/{ADAPTERS}"), model_file(f"adapters/{ADAPTER_CONFIG}"), f"{BASE}/config.json"]
    if str(path) in (BASE, *(model_file(folder) for folder in ("fused", "hf", *MLX_FOLDERS))):
        return [f"{path}/config.json"]
    try:
        chosen = model_to_ask(path)
    except UnderstudyError as error:
        raise WorkflowError(f"evaluation.models.{wildcards.which}: {error}")
    return local_model_files(os.path.relpath(chosen.folder)) + ([str(chosen.adapters)] if chosen.adapters else [])


def tokenizer_of_evaluated_model(wildcards):
    """The folder whose tokenizer reads for a GGUF file that was made here; one from elsewhere brings its own."""
    return BASE if is_made_here(path_of_evaluated_model(wildcards), config["name"]) else None


def how_models_answer():
    """The keys of evaluation that shape what a model answers, and to what."""
    keys = ("max_examples", "seed", "max_tokens", "repeat_penalty", "temperature", "top_p")
    return {key: config["evaluation"][key] for key in keys}


def general_files():
    """The general questions and texts that every model is asked and measured on."""
    return sorted(os.path.relpath(path) for path in GENERAL_FOLDER.iterdir() if path.suffix in (".jsonl", ".txt"))


def carry_over_general_files():
    """Tell Snakemake of evaluations that are there already where the general questions lie now."""
    files = general_files()
    for path in Path(model_file("evaluation")).glob("*.json"):
        carry_over_inputs(str(path), files)


if workflow.is_main_process:
    carry_over_general_files()
