"""The one exception a person may cause: it is shown as a single line, never as a stack trace."""


class ProcstreamError(Exception):
    """A mistake in the input, or a part that is away, said in one line.

    The message says where, what was found and what was expected. The command line prints it and
    exits with `exit_code`; other callers catch it like any exception.
    """

    exit_code = 1


class SettingsError(ProcstreamError):
    """A setting is missing or wrong; the message names its environment variable."""

    exit_code = 2
