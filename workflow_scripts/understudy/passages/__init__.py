"""Passages of the talks: cut, stored, searched, shown with their second, and put into a prompt."""
