"""The pages on which a person reads and decides about pairs."""
