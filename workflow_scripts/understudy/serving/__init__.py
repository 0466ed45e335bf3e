"""The application on which people ask: one page, one OpenAI-compatible interface, over a project or a pack."""
