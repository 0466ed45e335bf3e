"""Model folders and files: what a path means, hub layout, weights, licence, asking them."""
