"""General questions and texts, against forgetting."""
