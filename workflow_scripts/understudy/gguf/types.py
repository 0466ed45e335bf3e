"""Which of a model's GGUF files to run where only one is wanted."""

# The smallest that is good for everyday use first: four bits and more, of four bits the better ones before the smaller. What has
# fewer bits says something else too often.
FIRST_CHOICE_FIRST = (
    "Q4_K_M", "Q4_K_S", "Q4_1", "Q4_0", "Q5_K_S", "Q5_K_M", "Q5_0", "Q5_1", "Q6_K", "Q8_0", "F16", "BF16", "F32",
    "Q3_K_L", "Q3_K_M", "Q3_K_S", "Q2_K",
)  # fmt: skip


def quantization_to_run(quantizations: list[str]) -> str:
    """The first choice among `quantizations`, of which there is at least one."""
    return min(quantizations, key=FIRST_CHOICE_FIRST.index)
