"""An answer beside the talks: its sentences, the nearest place of each, and marks for what that place lacks."""
