"""The index of all talks, brought up to date."""
