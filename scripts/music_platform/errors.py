"""The one error that a person sees: a sentence that says what is wrong and what to do."""


class PlatformError(Exception):
    """Something that the user can act on; its text is one or more full sentences."""
