"""Stage dataset: from answers to rows."""
