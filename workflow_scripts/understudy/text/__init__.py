"""Words, Markdown and repetition in answers."""
