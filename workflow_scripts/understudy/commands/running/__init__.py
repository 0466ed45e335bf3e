"""A run of Snakemake as its user sees it: one display of the whole job, how long it still takes, and how it ended."""
