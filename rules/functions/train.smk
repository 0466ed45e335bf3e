# Inputs and settings of rules/train.smk.


def replay_file():
    """The file of general chat rows that are mixed into the training, or none."""
    return config["training"]["replay"]["file"] or []


def training_rows(side):
    """The rows that are trained or validated with: those of the talks, or those into which general ones are mixed."""
    return model_file(f"rows/{side}.jsonl") if replay_file() else f"data/dataset/{side}.jsonl"


def what_shapes_the_training():
    """The keys of training that decide how the adapters come out; which of them are kept is decided afterwards."""
    others = ("keep", "early_stopping_patience", "replay")
    return {key: value for key, value in config["training"].items() if key not in others}
