"""The doctor, who examines each pair."""
