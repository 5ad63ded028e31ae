"""park.yaml and its rule pack: read, validated, every problem by path and line."""

from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from pydantic import ValidationError

from market.rules.domain import Pack, PackRefused, merge_packs, parse_pack
from vpp.park_folder.problems import Findings
from vpp.park_folder.references import References
from vpp.park_folder.schema import ParkFolder
from vpp.park_folder.yaml_text import YamlText, read_yaml

FILE = "park.yaml"


def read_descriptor(folder: Path) -> ParkFolder:
    """The validated park.yaml of `folder`. Raises ParkRefused with every problem in it."""
    findings = Findings()
    park = descriptor(folder, findings)
    findings.refuse()
    assert park is not None
    return park


def descriptor(folder: Path, findings: Findings) -> ParkFolder | None:
    """As read_descriptor, with the problems in `findings` instead."""
    text = read_yaml(folder / FILE, findings)
    if text is None:
        return None
    try:
        park = ParkFolder.model_validate(text.data)
    except ValidationError as refused:
        errors = refused.errors()
        for error in errors:
            place = tuple(error["loc"])
            if error["type"] == "too_short" and any(other["loc"][: len(place)] == place for other in errors if other is not error):
                continue  # short only because its items were refused, and those say why
            name = ".".join(map(str, place))
            findings.problem("yaml.value", text.path, text.line_of(place), f"{name}: {error['msg']}")
        return None
    References(park=park, text=text, findings=findings).check()
    return park


def rule_pack(folder: Path, park: ParkFolder, findings: Findings) -> Pack | None:
    """The park's pack with what it extends laid under it; also checks that it knows the park's tariffs."""
    path = (folder / park.rule_pack).resolve()
    text = read_yaml(path, findings)
    data = None if text is None else _with_base(text, findings, ())
    if data is None:
        return None
    try:
        pack = parse_pack(data)
    except PackRefused as refused:
        findings.problem("pack.refused", path, 1, refused.text % refused.fields)
        return None
    classes = pack.tariff.classes if pack.tariff is not None else {}
    for site in park.sites:
        if site.tariff_class not in classes:
            fields = {"site": site.code, "tariff_class": site.tariff_class, "pack": pack.label}
            findings.problem("tariff.unknown", folder / FILE, None, _("%(site)s: %(pack)s has no tariff class %(tariff_class)s") % fields)
    return pack


def _with_base(text: YamlText, findings: Findings, above: tuple[Path, ...]) -> dict[str, Any] | None:
    """The pack's data over that of the pack it extends, which lies next to it as CODE.yaml."""
    base_code = text.data.get("extends")
    if base_code is None:
        return dict(text.data)
    path = text.path.parent / f"{base_code}.yaml"
    if path in (*above, text.path):
        findings.problem("pack.circle", text.path, text.line_of(("extends",)), _("the packs extend one another in a circle"))
        return None
    base = read_yaml(path, findings)
    data = None if base is None else _with_base(base, findings, (*above, text.path))
    if data is None:
        return None
    try:
        return merge_packs(base=data, overlay=text.data)
    except PackRefused as refused:
        findings.problem("pack.refused", text.path, 1, refused.text % refused.fields)
        return None
