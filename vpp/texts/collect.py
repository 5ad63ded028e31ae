"""`python -m vpp.texts.collect`: every text of code and templates into both catalogues.

Finds gettext calls, Django template tags, and `text` and `whys` of named errors (kernel.errors.Anticipated).
English entries are their own msgid; a new Chinese entry is left empty and a test fails until it is filled.
"""

import ast
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent.parent
LOCALE = ROOT / "vpp" / "locale"
APPS = ("vpp", "market", "aggregator")
KEYWORDS = {
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "_": None,
}
Found = tuple[str, int, str | tuple[str, ...], str | None]
# No dates, names or versions: without a new text a run changes nothing.
HEADER = r"""msgid ""
msgstr ""
"Language: %(language)s\n"
"Plural-Forms: %(plural_forms)s\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"

"""


def _python(path: Path) -> Iterator[Found]:
    source = path.read_bytes()
    for line, message, _, context in extract("python", io.BytesIO(source), KEYWORDS):
        yield str(path.relative_to(ROOT)), line, message, context
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef):
            continue
        fields = {
            target.id: statement.value
            for statement in node.body
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Name)
        }
        text = fields.get("text")
        if "code" in fields and isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield str(path.relative_to(ROOT)), text.lineno, text.value, None
        whys = fields.get("whys")
        for why in whys.values if isinstance(whys, ast.Dict) else []:
            if isinstance(why, ast.Constant) and isinstance(why.value, str):
                yield str(path.relative_to(ROOT)), why.lineno, why.value, None


def _template(path: Path) -> Iterator[Found]:
    code = templatize(path.read_text(), origin=str(path))
    for line, message, _, context in extract("python", io.BytesIO(code.encode()), KEYWORDS):
        yield str(path.relative_to(ROOT)), line, message, context


def find_texts() -> Iterator[Found]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield from _python(path)
    for path in sorted((ROOT / "vpp" / "templates").rglob("*.html")):
        yield from _template(path)


def template_catalogue() -> Catalog:
    """All texts, without translations."""
    catalogue = Catalog()
    for _, _, message, context in find_texts():
        flags = ["python-format"] if "%(" in str(message) else []
        catalogue.add(message, context=context, flags=flags)
    return catalogue


def is_filled(message: Message | None) -> TypeGuard[Message]:
    """Translated; a plural in all its forms."""
    if message is None or not message.string:
        return False
    return isinstance(message.string, str) or all(message.string)


def update(language: str) -> Catalog:
    """Merge today's texts into the language's catalogue; texts that are gone are dropped."""
    path = LOCALE / language / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    known = Catalog(locale=language)
    if path.exists():
        with path.open("rb") as source:
            known = read_po(source, locale=language)
    merged = Catalog(locale=language, fuzzy=False)
    for message in template_catalogue():
        if not message.id:
            continue
        old = known.get(message.id, context=message.context)
        fallback = message.id if language == "en" else ""
        merged.add(message.id, old.string if is_filled(old) else fallback, context=message.context, flags=message.flags)
    written = path.with_suffix(".po.new")  # moved at the end: another run never reads half a catalogue
    with written.open("wb") as target:
        target.write((HEADER % {"language": language, "plural_forms": merged.plural_forms}).encode())
        write_po(target, merged, sort_output=True, width=140, omit_header=True)
    written.replace(path)
    return merged


def main() -> int:
    gaps = [message.id for message in update("zh_Hans") if message.id and not is_filled(message)]
    update("en")
    for gap in gaps:
        print(f"no Chinese text: {gap}")
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
