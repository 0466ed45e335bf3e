"""Models in MLX."""
