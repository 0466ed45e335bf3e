"""Pairs that say the same."""
