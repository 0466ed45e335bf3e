"""The page of a list of questions with what several models answered."""
