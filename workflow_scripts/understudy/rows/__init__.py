"""The rows that are trained on: their form, their length in tokens."""
