"""Named failures that a person can act on."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar


class Anticipated(Exception):
    """A failure that was foreseen: it has a stable code, a text and fields.

    `text` is an English msgid with %(name)s places; edges translate it. Where `why` is one of its fields and a code of `whys`, that
    msgid stands in its place, with the same fields. Subclasses live beside the function that raises them.
    """

    code = "anticipated"
    text = "The request could not be carried out."
    status = 400
    whys: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        super().__init__(self.code, fields)

    def sentence(self, translated: Callable[[str], str] = str) -> str:
        """The text with its fields, each msgid as `translated`."""
        why = self.whys.get(self.fields.get("why", ""))
        fields = self.fields if why is None else {**self.fields, "why": translated(why) % self.fields}
        return translated(self.text) % fields

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence()}"


class NotFound(Anticipated):
    code = "not_found"
    text = "There is no %(what)s with this identity."
    status = 404
