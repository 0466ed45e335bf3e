"""YouTube: access, listings, captions, errors."""
