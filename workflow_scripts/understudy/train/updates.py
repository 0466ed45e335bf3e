"""Where the optimizer's updates lie among the iterations: whole states of a training exist only there."""


def at_an_update(iterations: int, accumulation: int) -> int:
    """Return the first multiple of the accumulation from `iterations` on: between two updates gradients are left over."""
    return -(-iterations // accumulation) * accumulation


def optimizer_updates(iterations: int, accumulation: int) -> int:
    """Return how often the adapters change; the gradients left over at the end make one more update."""
    return -(-iterations // accumulation)


def saved_iterations(iterations: int, save_every: int, accumulation: int) -> list[int]:
    """Return the iterations whose adapters stay on the disk: 500 becomes 504, and the last one is always among them."""
    step = at_an_update(save_every, accumulation)
    return sorted({*range(step, iterations + 1, step), iterations})
