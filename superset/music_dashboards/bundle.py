"""From the files to what Superset's import takes, and from what its export gives back to the files."""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import yaml

from music_dashboards import filters, layout, queries
from music_dashboards.errors import DashboardsError
from music_dashboards.files import KINDS, LOADER, Assets, Document

VERSION = "1.0.0"
ROOT = "assets"
SCHEMA = "analytics"
METADATA = {"version": VERSION, "type": "assets", "timestamp": "2026-01-01T00:00:00+00:00"}
DATABASE_FILE = "databases/music.yaml"
# In Superset's words: the password is given apart.
MASKED = "XXXXXXXXXX"

# What Superset writes for a column, a metric or a document that says nothing, by kind.
_COLUMN = {"is_dttm": False, "is_active": True, "groupby": True, "filterable": True}
_UNSET: tuple[Any, ...] = (None, "", [], {})
_DATASET_DEFAULTS = {
    "offset": 0,
    "schema": SCHEMA,
    "filter_select_enabled": True,
    "fetch_values_predicate": None,
    "normalize_columns": False,
    "always_filter_main_dttm": False,
}
_DATABASE_DEFAULTS = {
    "allow_run_async": False,
    "allow_ctas": False,
    "allow_cvas": False,
    "allow_dml": False,
    "allow_csv_upload": False,
    "allow_file_upload": False,
    "impersonate_user": False,
    "configuration_method": "sqlalchemy_form",
}
_DASHBOARD_METADATA = {
    "stagger_refresh": False,
    "cross_filters_enabled": True,
    "color_scheme": "okabe_ito",
    "filter_bar_orientation": "VERTICAL",
}
# What Superset derives from the rest, or keeps of a person's last look.
_DERIVED_METADATA = frozenset(
    {
        "native_filter_configuration",
        "chart_configuration",
        "global_chart_configuration",
        "default_filters",
        "filter_scopes",
        "expanded_slices",
        "timed_refresh_immune_slices",
        "shared_label_colors",
        "map_label_colors",
        "label_colors",
        "color_scheme_domain",
        "color_namespace",
        "import_time",
        "remote_id",
        "positions",
        "show_chart_timestamps",
    }
)
_DERIVED_PARAMS = frozenset(
    {"datasource", "viz_type", "slice_id", "dashboards", "dashboardId", "annotation_layers"}
)


# -----------------------------------------------------------------------------
# To Superset
# -----------------------------------------------------------------------------


def pack(assets: Assets, database_uri: str) -> bytes:
    """Return the archive that Superset imports; `database_uri` has its password masked."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in {"metadata.yaml": METADATA, **compiled(assets, database_uri)}.items():
            # JSON is YAML too, and written in no time.
            archive.writestr(f"{ROOT}/{name}", json.dumps(document))
    return content.getvalue()


def compiled(assets: Assets, database_uri: str) -> dict[str, Document]:
    """Return Superset's documents by file name; raise a DashboardsError that names a broken reference."""
    documents: dict[str, Document] = {}
    for name, source in assets.databases.items():
        documents[f"databases/{name}.yaml"] = {
            **_DATABASE_DEFAULTS,
            **source,
            "sqlalchemy_uri": database_uri,
            "version": VERSION,
        }
    for name, source in assets.datasets.items():
        documents[f"datasets/music/{name}.yaml"] = {
            **_dataset(assets, name, source),
            # By it the permission for the schema is found, which all datasets share.
            "catalog": database_uri.rpartition("/")[2],
        }
    for name, source in assets.charts.items():
        documents[f"charts/{name.replace('/', '_')}.yaml"] = _chart(assets, name, source)
    for name, source in assets.dashboards.items():
        documents[f"dashboards/{name}.yaml"] = _dashboard(assets, name, source)
    return documents


def _uuid(assets: Assets, kind: str, name: str, used_by: str) -> str:
    document = assets.of(kind).get(name)
    if document is None:
        raise DashboardsError(f"{used_by} refers to {kind}/{name}, which is no file.")
    return str(document["uuid"])


def _dataset(assets: Assets, name: str, source: Document) -> Document:
    return {
        **_DATASET_DEFAULTS,
        **{key: value for key, value in source.items() if key != "database"},
        "columns": [{**_COLUMN, **column} for column in source["columns"]],
        "database_uuid": _uuid(assets, "databases", source["database"], f"datasets/{name}"),
        "version": VERSION,
    }


def _time_filter(column: str) -> Document:
    """Return the filter by which a chart follows the dashboard's time range."""
    return {
        "clause": "WHERE",
        "expressionType": "SIMPLE",
        "subject": column,
        "operator": "TEMPORAL_RANGE",
        "comparator": "No filter",
    }


def _chart(assets: Assets, name: str, source: Document) -> Document:
    dataset_uuid = _uuid(assets, "datasets", source["dataset"], f"charts/{name}")
    params = {**source["params"], "viz_type": source["viz_type"]}
    time_column = assets.datasets[source["dataset"]].get("main_dttm_col")
    if time_column:
        for key in ("adhoc_filters", *(["adhoc_filters_b"] if "metrics_b" in params else [])):
            params[key] = [_time_filter(time_column), *params.get(key, [])]
    document = {
        **{key: value for key, value in source.items() if key != "dataset"},
        "params": params,
        "dataset_uuid": dataset_uuid,
        "version": VERSION,
    }
    context = queries.context(source["viz_type"], params)
    if context is not None:
        document["query_context"] = json.dumps(context, separators=(",", ":"))
    return document


def _dashboard(assets: Assets, name: str, source: Document) -> Document:
    # Numbers of charts that count in this file alone: Superset puts its own in their place.
    numbers = {
        chart: number for number, chart in enumerate(dict.fromkeys(layout.charts_of(source["layout"])), 1)
    }

    def placed(chart: str) -> Document:
        uuid = _uuid(assets, "charts", chart, f"dashboards/{name}")
        return {
            "chartId": numbers[chart],
            "uuid": uuid,
            "sliceName": assets.charts[chart]["slice_name"],
        }

    def number(chart: str) -> int:
        if chart not in numbers:
            raise DashboardsError(f"dashboards/{name}: a filter leaves out {chart}, which is not on it.")
        return numbers[chart]

    native = [
        filters.to_superset(
            each, lambda dataset: _uuid(assets, "datasets", dataset, f"dashboards/{name}"), number
        )
        for each in source.get("filters", [])
    ]
    return {
        **{key: value for key, value in source.items() if key not in ("layout", "filters", "metadata")},
        "metadata": {
            **_DASHBOARD_METADATA,
            **source.get("metadata", {}),
            "native_filter_configuration": native,
            "timed_refresh_immune_slices": [],
            "expanded_slices": {},
        },
        "position": layout.to_position(source["dashboard_title"], source["layout"], placed),
        "version": VERSION,
    }


# -----------------------------------------------------------------------------
# From Superset
# -----------------------------------------------------------------------------


def unpack(archive: bytes, known: Assets) -> Assets:
    """Return the files of an export; what `known` has keeps its name there, anything else gets one."""
    documents: dict[str, dict[str, Document]] = {kind: {} for kind in KINDS}
    with zipfile.ZipFile(io.BytesIO(archive)) as content:
        for path in content.namelist():
            kind = path.split("/")[1] if path.count("/") > 1 else ""
            if kind in documents:
                document = yaml.load(content.read(path), LOADER)
                documents[kind][str(document["uuid"])] = document
    return sources(documents, known)


def sources(documents: Mapping[str, Mapping[str, Document]], known: Assets) -> Assets:
    """Return the files of Superset's documents, which are given by kind and uuid."""
    names = {kind: _names(kind, documents[kind], known.names(kind)) for kind in KINDS}
    result = Assets()
    for uuid, document in documents["databases"].items():
        result.databases[names["databases"][uuid]] = _database_source(document)
    for uuid, document in documents["datasets"].items():
        result.datasets[names["datasets"][uuid]] = _dataset_source(document, names)
    for uuid, document in documents["charts"].items():
        time_column = documents["datasets"].get(document["dataset_uuid"], {}).get("main_dttm_col")
        result.charts[names["charts"][uuid]] = _chart_source(document, names, time_column)
    for uuid, document in documents["dashboards"].items():
        result.dashboards[names["dashboards"][uuid]] = _dashboard_source(document, names)
    return result


def _names(kind: str, documents: Mapping[str, Document], known: Mapping[str, str]) -> dict[str, str]:
    """Return the name of each document's file."""
    title = {"databases": "database_name", "datasets": "table_name", "charts": "slice_name"}.get(
        kind, "dashboard_title"
    )
    names = {uuid: known[uuid] for uuid in documents if uuid in known}
    for uuid in sorted(set(documents) - set(names)):
        plain = re.sub(r"[^a-z0-9]+", "_", str(documents[uuid][title]).lower()).strip("_") or kind
        taken = set(names.values())
        choices = [plain, *(f"{plain}_{number}" for number in range(2, len(documents) + 2))]
        names[uuid] = next(choice for choice in choices if choice not in taken)
    return names


def _kept(document: Document, keys: tuple[str, ...], defaults: Mapping[str, Any]) -> Document:
    """Return the given keys in their order, without what says nothing."""
    return {
        key: document[key]
        for key in keys
        if document.get(key) not in _UNSET and (key not in defaults or document[key] != defaults[key])
    }


def _database_source(document: Document) -> Document:
    keys = ("uuid", "database_name", "cache_timeout", "expose_in_sqllab", *_DATABASE_DEFAULTS)
    extra = {key: value for key, value in document["extra"].items() if value not in _UNSET}
    return _kept(document, keys, _DATABASE_DEFAULTS) | {"extra": extra}


def _dataset_source(document: Document, names: Mapping[str, Mapping[str, str]]) -> Document:
    head = _kept(document, ("uuid", "table_name"), {})
    head["database"] = names["databases"][document["database_uuid"]]
    keys = ("schema", "description", "main_dttm_col", "cache_timeout", "sql", *_DATASET_DEFAULTS)
    head |= _kept(document, keys, _DATASET_DEFAULTS)
    column_keys = ("column_name", "verbose_name", "type", "description", "expression", *_COLUMN)
    metric_keys = ("metric_name", "verbose_name", "description", "expression", "d3format", "currency")
    columns = [_kept(column, column_keys, _COLUMN) for column in document["columns"]]
    head["columns"] = sorted(columns, key=lambda column: str(column["column_name"]))
    metrics = [_kept(metric, metric_keys, {}) for metric in document.get("metrics", [])]
    if metrics:
        head["metrics"] = sorted(metrics, key=lambda metric: str(metric["metric_name"]))
    return head


def _chart_source(
    document: Document, names: Mapping[str, Mapping[str, str]], time_column: str | None
) -> Document:
    source = _kept(document, ("uuid", "slice_name", "description"), {})
    source["dataset"] = names["datasets"][document["dataset_uuid"]]
    source |= _kept(document, ("viz_type", "cache_timeout", "certified_by", "certification_details"), {})
    params = {key: value for key, value in document["params"].items() if key not in _DERIVED_PARAMS}
    for key in ("adhoc_filters", "adhoc_filters_b"):
        if key in params and time_column:
            own = _time_filter(time_column)
            params[key] = [each for each in params[key] if {k: each.get(k) for k in own} != own]
            if not params[key]:
                del params[key]
    source["params"] = params
    return source


def _dashboard_source(document: Document, names: Mapping[str, Mapping[str, str]]) -> Document:
    source = _kept(document, ("uuid", "dashboard_title", "slug", "description", "css", "published"), {})
    metadata = document.get("metadata") or {}
    kept = {
        key: value
        for key, value in sorted(metadata.items())
        if key not in _DERIVED_METADATA
        and value not in _UNSET
        and (key not in _DASHBOARD_METADATA or value != _DASHBOARD_METADATA[key])
    }
    if kept:
        source["metadata"] = kept
    position = document["position"]
    charts = {
        part["meta"]["chartId"]: names["charts"][part["meta"]["uuid"]]
        for part in position.values()
        if isinstance(part, dict) and part.get("type") == "CHART"
    }
    tabs = layout.tab_ids(position)
    found = [
        filters.to_source(
            each, names["datasets"].__getitem__, charts.get, lambda identity: tabs.get(identity, identity)
        )
        for each in metadata.get("native_filter_configuration", [])
    ]
    if found:
        source["filters"] = found
    source["layout"] = layout.to_layout(position, names["charts"].__getitem__)
    return source
