"""Load a park folder: read and check all of it first, then write it in one transaction. Twice is once."""

import hashlib
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from aggregator.enterprises.models import Park
from aggregator.kernel.fingerprint import fingerprint
from market.rules.domain import Pack
from vpp.park_folder.contents import Contents, ContentsReader, Progress
from vpp.park_folder.history import HistoryWriter
from vpp.park_folder.problems import Findings, ParkRefused, Problem
from vpp.park_folder.reader import FILE, descriptor, rule_pack
from vpp.park_folder.schema import ParkFolder
from vpp.park_folder.structure import register


@dataclass(frozen=True)
class ImportReport:
    """What an import did. `rows` counts what was new or changed; `notices` are gaps and the like."""

    park: str
    park_id: int | None
    first_day: date
    last_day: date
    unchanged: bool
    dry_run: bool
    assets: int
    rows: dict[str, int] = field(default_factory=dict)
    notices: tuple[Problem, ...] = ()


def load_park(
    *,
    park_dir: Path,
    data_root: Path | None = None,
    until_day: date | None = None,
    dry_run: bool = False,
    progress: Progress = lambda text: None,
) -> ImportReport:
    """Read, check and store the park with its history up to and including `until_day`.

    `until_day` is the end of the declared history unless named; a day that is to be played ends it the
    day before. `dry_run` does all of it and takes it back. Raises ParkRefused with every problem found,
    and what the operations raise against rows that are there already; then nothing is stored.
    """
    findings = Findings()
    park = descriptor(park_dir, findings)
    if park is None:
        raise ParkRefused(findings.problems)
    pack = rule_pack(park_dir, park, findings)
    last = _last_day(park, until_day, park_dir, findings)
    reader = ContentsReader(park=park, park_dir=park_dir, data_root=data_root, findings=findings, progress=progress)
    # Weather is forecast: that of the first day to be played is known before it begins.
    contents = reader.read(first=park.history.first, last=last, weather_last=last + timedelta(days=1))
    findings.refuse()
    assert pack is not None
    assert contents is not None
    manifest = _manifest(park_dir, pack, last, reader)
    known = Park.objects.filter(code=park.code).first()
    report = ImportReport(
        park=park.code,
        park_id=known.pk if known else None,
        first_day=park.history.first,
        last_day=last,
        unchanged=known is not None and known.manifest_sha256 == manifest,
        dry_run=dry_run,
        assets=len(park.assets),
        notices=tuple(findings.notices),
    )
    return report if report.unchanged else _store(park, pack, contents, manifest, report, progress)


def _last_day(park: ParkFolder, until_day: date | None, park_dir: Path, findings: Findings) -> date:
    last = until_day or park.history.last
    if not park.history.first <= last < park.replay.last:
        text = _("%(day)s is outside the history and replay that the folder declares (%(first)s to %(last)s)")
        fields = {"day": last, "first": park.history.first, "last": park.replay.last}
        findings.problem("park.until_day", park_dir / FILE, None, text % fields)
    return last


def _manifest(park_dir: Path, pack: Pack, last: date, reader: ContentsReader) -> str:
    """One hash of everything that the import depends on."""
    files = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in reader.files().items()}
    text = hashlib.sha256((park_dir / FILE).read_bytes()).hexdigest()
    return fingerprint({"park": text, "pack": pack.model_dump(mode="json"), "until": last, "files": files})


def _store(park: ParkFolder, pack: Pack, contents: Contents, manifest: str, report: ImportReport, progress: Progress) -> ImportReport:
    with transaction.atomic():
        structure = register(park=park, pack=pack, manifest_sha256=manifest)
        rows = HistoryWriter(park=park, contents=contents, structure=structure, progress=progress).write()
        if report.dry_run:
            transaction.set_rollback(True)
    park_id = report.park_id if report.dry_run else structure.park_id
    return ImportReport(**{**vars(report), "park_id": park_id, "rows": rows})
