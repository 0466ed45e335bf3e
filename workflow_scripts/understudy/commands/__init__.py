"""The commands of `understudy`."""
