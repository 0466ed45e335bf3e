"""Stage base: the base model in Hugging Face layout."""
