"""Stage teach: the two passes of the teacher model over each talk."""
