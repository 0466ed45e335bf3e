"""The teacher model as a judge."""
