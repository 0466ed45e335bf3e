"""Draw models/{name}/loss.svg: the training and the validation loss over the iterations, the lowest one marked."""

import matplotlib as mpl
from matplotlib.figure import Figure

from understudy.shared.files import written_aside
from understudy.train.metrics import read_metrics

TRAINING_COLOUR, VALIDATION_COLOUR = "#9db8c7", "#2f6f8f"


def draw_loss_curve(metrics: str, output: str) -> None:
    """Draw the curve of metrics.csv as SVG; the same metrics give the same bytes.

    Losses are means in nats a token."""
    lines = read_metrics(metrics)
    training = [(line["iteration"], line["train_loss"]) for line in lines if "train_loss" in line]
    validation = [(line["iteration"], line["valid_loss"]) for line in lines if "valid_loss" in line]
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.plot(*zip(*training, strict=True), color=TRAINING_COLOUR, label="training")
    axes.plot(*zip(*validation, strict=True), color=VALIDATION_COLOUR, marker=".", label="validation")
    mark_lowest(axes, validation)
    axes.set(xlabel="iteration", ylabel="loss (nats a token)", title="Loss of the training", xlim=(0, None))
    axes.legend(frameon=False)
    with mpl.rc_context({"svg.hashsalt": "loss", "svg.fonttype": "none"}), written_aside(output) as aside:
        figure.savefig(aside, format="svg", metadata={"Date": None})


def mark_lowest(axes, validation: list[tuple[float, float]]) -> None:
    """Point at the adapters with the lowest validation loss; those before the first step are none."""
    iteration, loss = min((look for look in validation if look[0] > 0), key=lambda look: look[1])
    axes.annotate(
        f"lowest: {loss:.3f}\nafter {iteration:,.0f}",
        (iteration, loss),
        xytext=(0, 24),
        textcoords="offset points",
        ha="right",
        arrowprops={"arrowstyle": "->", "color": VALIDATION_COLOUR},
    )
