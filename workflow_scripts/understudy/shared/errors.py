"""What a person can mend is an UnderstudyError: its text says which file, line or key, and what to do."""


class UnderstudyError(Exception):
    """The root of all errors whose message is meant for the user. Shown without a traceback."""


class ConfigurationError(UnderstudyError):
    """A key of config.yaml, or a file that it names, is not usable."""


class InputFileError(UnderstudyError):
    """A file that a person or an earlier stage wrote can't be read as what it should be."""


class UnsupportedArchitecture(InputFileError):
    """A model of a class that this workflow's own exporter has no tensor names for. The message names it."""


class UnsupportedTokenizer(InputFileError):
    """A tokenizer whose rules llama.cpp may or may not have. The message names it."""


class FileNotWritten(UnderstudyError):
    """A file can't be written: there is no room, or something is in its way."""
