"""The teacher model: asking a server or llama.cpp, what it replied, what it cost."""
