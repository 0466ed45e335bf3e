"""Caption files: formats, language, cleaning."""
