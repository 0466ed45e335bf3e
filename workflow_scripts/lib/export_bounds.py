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


# Nothing but rounding and the order of sums changes, once in MLX, once from MLX to llama.cpp.
ROUNDING = Bound(agreement=0.97, kl=0.005)
# Quantizations: four times what llama.cpp measured on Llama 3 8B (tools/perplexity/README.md, without importance matrix: 0.0014
# for Q8_0, 0.031 for Q4_K_M, 0.10 for Q3_K_M, 0.45 for Q2_K), because a smaller model loses more; and three times the positions
# whose likeliest token changes there (2.3 % for Q8_0, 4.0 % for Q6_K, 8.1 % for Q4_K_M, 29 % for Q2_K).
BOUNDS = {
    "fused": ROUNDING,
    "hf": Bound(agreement=0.99, kl=0.0001),
    "F32": ROUNDING,
    "F16": ROUNDING,
    "BF16": ROUNDING,
    "Q8_0": Bound(agreement=0.93, kl=0.006),
    "Q6_K": Bound(agreement=0.88, kl=0.022),
    "Q5_K_M": Bound(agreement=0.84, kl=0.045),
    "Q5_K_S": Bound(agreement=0.82, kl=0.066),
    "Q5_1": Bound(agreement=0.82, kl=0.072),
    "Q5_0": Bound(agreement=0.80, kl=0.09),
    "Q4_K_M": Bound(agreement=0.76, kl=0.125),
    "Q4_K_S": Bound(agreement=0.72, kl=0.17),
    "Q4_1": Bound(agreement=0.64, kl=0.29),
    "Q4_0": Bound(agreement=0.64, kl=0.29),
    "Q3_K_L": Bound(agreement=0.60, kl=0.35),
    "Q3_K_M": Bound(agreement=0.57, kl=0.41),
    "Q3_K_S": Bound(agreement=0.40, kl=0.91),
    "Q2_K": Bound(agreement=0.20, kl=1.8),
}


def bound_of(step: str) -> Bound:
    """Return the bound of `fused`, `hf` or a quantization."""
    return BOUNDS[step]
