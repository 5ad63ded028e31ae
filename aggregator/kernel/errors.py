"""Named failures that a person can act on."""

from typing import Any


class Anticipated(Exception):
    """A failure that was foreseen: it has a stable code, a text and fields.

    `text` is an English msgid with %(name)s places; edges translate it. Subclasses live beside the
    function that raises them.
    """

    code = "anticipated"
    text = "The request could not be carried out."
    status = 400

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        super().__init__(self.code, fields)

    def __str__(self) -> str:
        return f"{self.code}: {self.text % self.fields}"


class NotFound(Anticipated):
    code = "not_found"
    text = "There is no %(what)s with this identity."
    status = 404
