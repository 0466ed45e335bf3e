"""Stage export: Hugging Face folder, GGUF, MLX, Modelfile, and what each step did to the model."""
