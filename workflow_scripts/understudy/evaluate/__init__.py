"""Stage evaluate: what models say on talks that they have never seen, measured."""
