"""Rows with passages: pairs that stand on their place in a talk, near misses, refusals, and what needs no passage."""
