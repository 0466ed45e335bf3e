"""How far an export step may be from the one before it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    """The least share of positions with the same likeliest token, and the largest mean KL divergence in nats a token."""

    agreement: float
    kl: float

    def holds(self, measured: Mapping[str, float]) -> bool:
        # What is NaN holds no bound.
        return measured["agreement"] >= self.agreement and measured["kl"] <= self.kl


# Nothing but rounding and the order of sums changes, in MLX and from MLX to llama.cpp. The demo's F16: 0.000003.
ROUNDING = Bound(agreement=0.97, kl=0.005)
# Quantizations: two and a half times the divergence, and twice the positions with another likeliest token, of the worse of two
# models. Llama 3 8B, by llama.cpp's authors (tools/perplexity/README.md, no importance matrix): Q8_0 0.0014 and 97.7 %, Q4_K_M
# 0.031 and 91.9 %, Q2_K 0.45 and 71.1 %. The demo's SmolLM2-135M: 0.0034 and 94.3 %, 0.039 and 88.4 %, 0.34 and 63.5 %; its rows
# of 576 are no multiple of 256, so Q5_K_M is mostly Q5_1 there, and Q4_K_M mostly Q5_0.
# In that Q4_K_M one zeroed matrix of layer 15 of 30 gives 0.11 and more, one with its rows in reverse 0.23 and more.
# MLX folders in the same way, from the demo's model alone: 8 bits 0.0012 and 97.7 %, 6 bits 0.020 and 91.6 %, 5 bits 0.097 and
# 82.3 %, 4 bits 0.35 and 64.6 %. A GPU's rounding is added to the 8 bits' divergence.
BOUNDS = {
    "fused": ROUNDING,
    "hf": Bound(agreement=0.99, kl=0.0001),
    "mlx-8bit": Bound(agreement=0.95, kl=0.008),
    "mlx-6bit": Bound(agreement=0.83, kl=0.05),
    "mlx-5bit": Bound(agreement=0.64, kl=0.24),
    "mlx-4bit": Bound(agreement=0.29, kl=0.9),
    "F32": ROUNDING,
    "F16": ROUNDING,
    "BF16": ROUNDING,
    "Q8_0": Bound(agreement=0.88, kl=0.0085),
    "Q6_K": Bound(agreement=0.88, kl=0.017),
    "Q5_K_M": Bound(agreement=0.74, kl=0.125),
    "Q5_K_S": Bound(agreement=0.74, kl=0.125),
    "Q5_1": Bound(agreement=0.74, kl=0.125),
    "Q5_0": Bound(agreement=0.76, kl=0.1),
    "Q4_K_M": Bound(agreement=0.76, kl=0.1),
    "Q4_K_S": Bound(agreement=0.74, kl=0.11),
    "Q4_1": Bound(agreement=0.46, kl=0.46),
    "Q4_0": Bound(agreement=0.46, kl=0.46),
    "Q3_K_L": Bound(agreement=0.55, kl=0.3),
    "Q3_K_M": Bound(agreement=0.55, kl=0.3),
    "Q3_K_S": Bound(agreement=0.45, kl=0.57),
    "Q2_K": Bound(agreement=0.27, kl=1.1),
}


def bound_of(step: str) -> Bound:
    """Return the bound of `fused`, `hf`, an MLX folder or a quantization."""
    return BOUNDS[step]
