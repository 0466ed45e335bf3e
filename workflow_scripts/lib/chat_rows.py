"""The rows that mlx_lm trains on."""


def chat_row(question: str, answer: str) -> dict:
    """One row: two messages and nothing else."""
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
