"""GGUF files: reading, writing, quantizing, the families that are known."""
