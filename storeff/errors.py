"""The one exception that is meant for the person at the terminal."""


class StoreffError(Exception):
    """Bad input or an environment that cannot do the job: printed without a traceback, exit 1.

    ``message`` says what is wrong, where, and why; ``remedy`` says what to do about it.
    Anything else that escapes is a bug and gets a traceback.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
