"""The error that a command shows as one line."""


class RunError(Exception):
    """A run's files do not fit together, or something in it has failed; the message says what to do."""
