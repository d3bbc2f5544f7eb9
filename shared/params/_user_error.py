"""The one exception class for mistakes that the user can mend."""


class UserError(Exception):
    """What is wrong, what was found, and what to do. It is shown without a traceback.

    IPython asks an exception for `_render_traceback_`; answering with the message alone keeps
    notebooks and reports readable.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]
