"""Measures of an answer."""
