"""What people ask over HTTP: the page, and the OpenAI-compatible endpoint, in front of llama.cpp or another engine."""
