"""The rows that mlx_lm trains on."""


def chat_row(question: str, answer: str) -> dict:
    """One row: two messages and nothing else."""
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def rows_of_split(pairs: list[dict], split: str) -> list[dict]:
    """The rows of one side: train, valid or test."""
    return [chat_row(pair["question"], pair["answer"]) for pair in pairs if pair["split"] == split]
