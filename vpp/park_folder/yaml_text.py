"""YAML with line numbers, so that every problem can say where it is.

Clock times stay text (YAML 1.1 would read 17:00 as the number 1020), and only true and false are
booleans (it would read the country NO and a switch `on` as such).
"""

import re
from pathlib import Path
from typing import Any

import yaml
from django.utils.translation import gettext as _

from vpp.park_folder.problems import Findings

Location = tuple[str | int, ...]
MOST_PLACES = 100_000  # nine lines of nested aliases can stand for a billion


class _Loader(yaml.SafeLoader):
    pass


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regex) for tag, regex in resolvers if tag not in {f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float")}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?$"), list("-+.0123456789")
)


class YamlText:
    """The data of one file, and the line of each place in it."""

    def __init__(self, path: Path, data: Any, lines: dict[Location, int]) -> None:
        self.path, self.data, self._lines = path, data, lines

    def line_of(self, location: Location) -> int | None:
        """Line of the nearest place that encloses `location`."""
        for end in range(len(location), -1, -1):
            if location[:end] in self._lines:
                return self._lines[location[:end]]
        return None


def read_yaml(path: Path, findings: Findings) -> YamlText | None:
    """None, with the problem in `findings`, where the file is missing or is no YAML mapping in UTF-8."""
    if not path.is_file():
        findings.problem("file.missing", path, None, _("the file does not exist"))
        return None
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        line = raw[: bad.start].count(b"\n") + 1
        findings.problem("file.encoding", path, line, _("%(encoding)s text; save the file as UTF-8") % {"encoding": guess_encoding(raw)})
        return None
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            findings.problem("yaml.no_mapping", path, 1, _("the file must be a mapping of keys to values"))
            return None
        lines: dict[Location, int] = {}
        _walk(root, (), lines, path, findings)
        return YamlText(path, loader.construct_document(root), lines)
    except yaml.YAMLError as bad:
        mark = getattr(bad, "problem_mark", None)
        what = getattr(bad, "problem", None) or str(bad)
        findings.problem("yaml.syntax", path, mark.line + 1 if mark else None, _("this is not YAML: %(why)s") % {"why": what})
        return None
    finally:
        loader.dispose()


def guess_encoding(raw: bytes) -> str:
    """`GBK` where the bytes are good GBK, else `unknown`; for text that is not UTF-8."""
    try:
        raw.decode("gbk")
    except UnicodeDecodeError:
        return "unknown"
    return "GBK"


def _walk(node: yaml.Node, place: Location, lines: dict[Location, int], path: Path, findings: Findings) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if len(lines) > MOST_PLACES:
        raise yaml.YAMLError(_("its aliases expand to more than %(most)s values") % {"most": MOST_PLACES})
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                findings.problem("yaml.duplicate_key", path, key.start_mark.line + 1, _("the key %(key)s is given twice") % {"key": name})
            seen.add(name)
            lines[(*place, name)] = key.start_mark.line + 1
            _walk(value, (*place, name), lines, path, findings)
    elif isinstance(node, yaml.SequenceNode):
        for k, value in enumerate(node.value):
            _walk(value, (*place, k), lines, path, findings)
