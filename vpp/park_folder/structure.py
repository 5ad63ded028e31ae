"""Who and what a park consists of, as rows: parties, contracts, sites, assets, portfolio, rules."""

from dataclasses import dataclass
from typing import Any

from aggregator.assets.domain import Certificate
from aggregator.assets.operations import add_member, register_asset, register_certificate, register_portfolio
from aggregator.dispatch.domain.objective import DayObjective
from aggregator.dispatch.operations import declare_objective
from aggregator.enterprises.operations import register_enterprise, register_feeder, register_park, register_site, sign_contract
from aggregator.gateways.operations import connect_asset, register_gateway
from aggregator.metering.operations import register_point
from market.platforms.models import Platform
from market.rules.domain import Pack
from market.rules.operations import publish_pack, put_park_under
from vpp.park_folder.naming import gateway_code, point_code
from vpp.park_folder.schema import Contract, Enterprise, ParkFolder, Site


@dataclass(frozen=True)
class Structure:
    """Keys of the rows by the codes of park.yaml; points by site or asset code."""

    park_id: int
    portfolio_id: int
    asset_ids: dict[str, int]
    point_codes: dict[str, str]


def register(*, park: ParkFolder, pack: Pack, manifest_sha256: str) -> Structure:
    """Create the park's rows or bring them up to date; nothing is ever deleted.

    Raises what the operations raise: overlapping contracts or memberships with what is stored, a rule
    pack version that was published with other figures.
    """
    park_id = register_park(
        code=park.code,
        name_zh=park.name_zh,
        name_en=park.name_en,
        province=park.province,
        time_zone=park.time_zone,
        latitude=park.latitude,
        longitude=park.longitude,
        resolution_s=park.resolution_s,
        synthetic=park.synthetic,
        notes=_notes(park),
        twin=park.twin.model_dump(mode="json"),
        manifest_sha256=manifest_sha256,
    )
    publish_pack(pack=pack)
    put_park_under(park_id=park_id, pack_code=pack.code)
    portfolio = park.portfolio
    portfolio_id = register_portfolio(
        park_id=park_id, code=portfolio.code, name_zh=portfolio.name_zh, name_en=portfolio.name_en, split_rule=portfolio.split_rule
    )
    if portfolio.objective is not None:
        objective = DayObjective(**portfolio.objective.model_dump())
        declare_objective(portfolio_id=portfolio_id, valid_from=portfolio.valid_from, objective=objective)
    names = {"name_zh": park.platform.name_zh, "name_en": park.platform.name_en}
    Platform.objects.update_or_create(code=park.platform.code, defaults={"portfolio_id": portfolio_id, **names})
    structure = Structure(park_id, portfolio_id, {}, {})
    for enterprise in park.enterprises:
        _enterprise(park, enterprise, structure)
    for asset_id in structure.asset_ids.values():
        add_member(portfolio_id=portfolio_id, asset_id=asset_id, valid_from=portfolio.valid_from, valid_to=portfolio.valid_to)
    _certificates(park, structure)
    return structure


def _certificates(park: ParkFolder, structure: Structure) -> None:
    of_assets = [(structure.asset_ids[asset.code], one) for asset in park.assets for one in asset.certificates]
    for asset_id, one in [*((None, one) for one in park.portfolio.certificates), *of_assets]:
        register_certificate(portfolio_id=structure.portfolio_id, certificate=Certificate(asset_id=asset_id, **one.model_dump()))


def _notes(park: ParkFolder) -> list[dict[str, Any]]:
    """What the screen says about the data: the park's own notes, then each series with its origin and shift."""
    notes: list[dict[str, Any]] = [note.model_dump() for note in park.notes]
    for name, source in sorted({**park.series, **park.sessions}.items()):
        weeks = source.shift_weeks
        notes.append({"series": name, "origin": source.origin, "source": source.source, "shift_weeks": weeks, "note": source.note})
    return notes


def _enterprise(park: ParkFolder, enterprise: Enterprise, structure: Structure) -> None:
    enterprise_id = register_enterprise(
        park_id=structure.park_id, code=enterprise.code, name_zh=enterprise.name_zh, name_en=enterprise.name_en
    )
    for contract in enterprise.contracts:
        _contract(enterprise_id, contract)
    for site in enterprise.sites:
        _site(park, enterprise_id, site, structure)


def _contract(enterprise_id: int, contract: Contract) -> None:
    sign_contract(
        enterprise_id=enterprise_id,
        number=contract.number,
        valid_from=contract.valid_from,
        valid_to=contract.valid_to,
        share_rule=contract.share_rule.model_dump(mode="json"),
        contract_curve=contract.contract_curve.model_dump(mode="json"),
    )


def _site(park: ParkFolder, enterprise_id: int, site: Site, structure: Structure) -> None:
    site_id = register_site(
        enterprise_id=enterprise_id,
        code=site.code,
        name_zh=site.name_zh,
        name_en=site.name_en,
        import_limit_kw=site.import_limit_kw,
        export_limit_kw=site.export_limit_kw,
        tariff_class=site.tariff_class,
        export_share_ratio=site.export_share_ratio,
        least_call_ratio=site.least_call_ratio,
    )
    feeder_ids = _feeders(site_id, site)
    gateway_id = register_gateway(site_id=site_id, code=gateway_code(site.code))
    structure.point_codes[site.code] = point_code(park.code, site.code)
    register_point(site_id=site_id, code=structure.point_codes[site.code], asset_id=None)
    for asset in site.assets:
        asset_id = register_asset(
            site_id=site_id,
            code=asset.code,
            kind=asset.kind,
            name_zh=asset.name_zh,
            name_en=asset.name_en,
            spec=asset.spec,
            source=asset.origin,
            feeder_id=None if asset.feeder is None else feeder_ids[asset.feeder],
        )
        connect_asset(gateway_id=gateway_id, asset_id=asset_id)
        structure.asset_ids[asset.code] = asset_id
        structure.point_codes[asset.code] = point_code(park.code, asset.code)
        register_point(site_id=site_id, code=structure.point_codes[asset.code], asset_id=asset_id)


def _feeders(site_id: int, site: Site) -> dict[str, int]:
    """Keys of the site's feeders by code; the outer one is listed first."""
    ids: dict[str, int] = {}
    for feeder in site.feeders:
        ids[feeder.code] = register_feeder(
            site_id=site_id,
            code=feeder.code,
            import_limit_kw=feeder.import_limit_kw,
            export_limit_kw=feeder.export_limit_kw,
            parent_id=None if feeder.parent is None else ids[feeder.parent],
        )
    return ids
