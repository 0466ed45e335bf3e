"""Settings under which a model forgets what it knew before.

The limits are those of the Fung project, for a Llama of 3 billion parameters: few, small, slow steps on the last layers."""

from understudy.shared.log import log
from understudy.train.batches import batches_per_epoch

CAREFUL = {"learning_rate": 1e-5, "epochs": 2, "num_layers": 12, "rank": 8, "scale": 20.0}
SMALL_MODEL = 1_000_000_000


def beyond_careful(config: dict, rows: int, layers: int) -> dict[str, float]:
    """Return the settings of mlx_lm's `config` that go beyond the careful values, by name; the model has `layers` layers."""
    settings = {
        "learning_rate": highest_rate(config),
        "epochs": round(config["iters"] / batches_per_epoch(rows, config["batch_size"]), 2),
        "num_layers": layers if config["num_layers"] == -1 else config["num_layers"],
        "rank": config["lora_parameters"]["rank"],
        "scale": config["lora_parameters"]["scale"],
    }
    return {name: value for name, value in settings.items() if value > CAREFUL[name]}


def highest_rate(config: dict) -> float:
    """Return the learning rate, or the highest of its schedule: the first argument, from which all but a line come down."""
    if not (schedule := config["lr_schedule"]):
        return config["learning_rate"]
    return max(schedule["arguments"][: 2 if schedule["name"] == "linear_schedule" else 1])


def forgetting_warning(config: dict, rows: int, layers: int, parameters: int) -> str | None:
    """Return one line that names what goes beyond the careful values, or None if nothing does."""
    beyond = beyond_careful(config, rows, layers)
    if not beyond:
        return None
    named = ", ".join(f"{name} {value:g} ({CAREFUL[name]:g})" for name, value in beyond.items())
    line = f"training's {named}: beyond the careful values in brackets, so the model may forget what it knew."
    if parameters < SMALL_MODEL:
        line += (
            f" With {parameters / 1e6:.0f} million parameters it learns little from those, so look at what it answers."
        )
    return line


def warn_of_forgetting(config: dict, rows: int, layers: int, parameters: int) -> None:
    """Log the warning, if there is one."""
    if warning := forgetting_warning(config, rows, layers, parameters):
        log.warning("Warning: %s", warning)
