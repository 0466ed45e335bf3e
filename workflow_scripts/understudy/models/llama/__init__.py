"""Models in llama.cpp, in a process of its own."""
