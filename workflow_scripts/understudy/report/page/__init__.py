"""The page that says whether it worked."""
