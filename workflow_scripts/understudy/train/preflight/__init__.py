"""What would spoil a training, found before its first step."""
