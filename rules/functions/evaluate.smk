# Inputs and settings of rules/evaluate.smk.
from understudy.configuration import QUANTIZATION_NAME, evaluated_quantization, is_made_here
from understudy.evaluate.contexts import PROMPTED, arms_in_contexts
from understudy.models.paths import ADAPTER_CONFIG, ADAPTERS, model_to_ask
from understudy.passages.vectors import what_shapes_vectors

GENERAL_FOLDER = Path(workflow.basedir) / "workflow_scripts/understudy/evaluate/general"


def held_out_rows_file():
    """The rows that the models are asked about."""
    return config["evaluation"]["file"] or "data/dataset/valid.jsonl"


def evaluated_models():
    """The names of the models that are evaluated, in the order in which they are shown."""
    return ["base", "tuned", evaluated_quantization(config), *config["evaluation"]["models"]]


def path_of_evaluated_model(wildcards):
    """Where the model with this name is: base, tuned, a quantization, or one of evaluation.models; in a context, prompted is base."""
    which = wildcards.which
    if which == PROMPTED and "context" in wildcards.keys():
        return BASE
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


def context_answers():
    """What each arm says in each context that is evaluated; nothing, unless grounding or evaluation.arms asks for it."""
    pairs = arms_in_contexts(config["evaluation"], config["grounding"]["rows"])
    return [model_file(f"evaluation/{context}/{arm}.json") for context, arm in pairs]


def held_out_passages():
    """The passages of the held-out questions, where something is asked with them."""
    return where_in_context(model_file("held_out_passages.json"))


def where_in_context(path):
    """A file that the evaluation needs where arms are asked in contexts."""
    return [path] if context_answers() else []


def persona_of_arm(wildcards):
    """The prompt of the arm that is prompted."""
    return [PERSONA_PROMPT] if wildcards.which == PROMPTED else []


def voice_of_arm(wildcards):
    """The voice that stands in it."""
    return config["answers"]["voice"] if wildcards.which == PROMPTED else None


def which_rows_are_asked():
    """The keys of evaluation that choose the held-out rows."""
    return {key: config["evaluation"][key] for key in ("max_examples", "seed")}


def what_shapes_a_search():
    """The keys of the embedder that decide what is found; its address doesn't."""
    embedder = config["retrieval"]["embedder"]
    shaping = what_shapes_vectors(embedder)
    return shaping and {**shaping, "query_prefix": embedder["query_prefix"]}


def general_files():
    """The general questions and texts that every model is asked and measured on."""
    return sorted(os.path.relpath(path) for path in GENERAL_FOLDER.iterdir() if path.suffix in (".jsonl", ".txt"))
