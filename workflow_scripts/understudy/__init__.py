"""The code behind the rules and the commands: one folder a stage or a concept."""
