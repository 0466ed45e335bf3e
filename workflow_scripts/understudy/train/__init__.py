"""Stage train: LoRA with MLX, exact resume, fusing."""
