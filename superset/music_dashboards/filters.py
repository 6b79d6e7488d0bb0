"""A dashboard's filters as people write them, and as Superset keeps them.

    - id: NATIVE_FILTER-country
      name: Country
      filterType: filter_select
      dataset: locations
      column: country
      description: Where the listener was
      excluded: [live/plays_now]

What is left out has the value of the tables below.
"""

from collections.abc import Callable, Mapping
from typing import Any

Filter = dict[str, Any]

_CONTROLS: Mapping[str, Mapping[str, Any]] = {
    "filter_time": {},
    "filter_select": {
        "multiSelect": True,
        "enableEmptyFilter": False,
        "defaultToFirstItem": False,
        "searchAllOptions": False,
        "inverseSelection": False,
    },
}
_DEFAULTS: Mapping[str, Any] = {
    "type": "NATIVE_FILTER",
    "cascadeParentIds": [],
    "description": "",
    "chartsInScope": [],
    "tabsInScope": [],
}
_EVERYTHING = ["ROOT_ID"]
_OWN_WORDS = frozenset({"dataset", "column", "default", "excluded", "tabs", "controlValues"})


def to_superset(source: Filter, dataset: Callable[[str], str], chart: Callable[[str], int]) -> Filter:
    """Return a filter as Superset keeps it; `dataset` gives a dataset's uuid, `chart` a chart's number."""
    kind = source["filterType"]
    target = (
        {"datasetUuid": dataset(source["dataset"]), "column": {"name": source["column"]}}
        if "dataset" in source
        else {}
    )
    return {
        **_DEFAULTS,
        **{key: value for key, value in source.items() if key not in _OWN_WORDS},
        "targets": [target],
        "defaultDataMask": _mask(kind, source.get("column"), source.get("default")),
        "controlValues": {**_CONTROLS.get(kind, {}), **source.get("controlValues", {})},
        "scope": {
            "rootPath": source.get("tabs", _EVERYTHING),
            "excluded": [chart(name) for name in source.get("excluded", [])],
        },
    }


def _mask(kind: str, column: str | None, value: Any) -> dict[str, Any]:
    """Return the state that a filter has when the page opens."""
    if value is None:
        return {"extraFormData": {}, "filterState": {}}
    if kind == "filter_time":
        return {"extraFormData": {"time_range": value}, "filterState": {"value": value}}
    chosen = {"filters": [{"col": column, "op": "IN", "val": value}]}
    return {"extraFormData": chosen, "filterState": {"value": value}}


def to_source(
    kept: Filter,
    dataset: Callable[[str], str],
    chart: Callable[[int], str | None],
    tab: Callable[[str], str],
) -> Filter:
    """Return a filter as people write it: the other way round."""
    kind = kept["filterType"]
    source: Filter = {key: kept[key] for key in ("id", "name", "filterType")}
    target = (kept.get("targets") or [{}])[0]
    if "datasetUuid" in target:
        source |= {"dataset": dataset(target["datasetUuid"]), "column": target["column"]["name"]}
    value = (kept.get("defaultDataMask") or {}).get("filterState", {}).get("value")
    if value is not None:
        source["default"] = value
    controls = {
        key: setting
        for key, setting in (kept.get("controlValues") or {}).items()
        if _CONTROLS.get(kind, {}).get(key) != setting
    }
    if controls:
        source["controlValues"] = controls
    scope = kept.get("scope") or {}
    root = [tab(identity) for identity in scope.get("rootPath", _EVERYTHING)]
    if root != _EVERYTHING:
        source["tabs"] = root
    # Superset keeps the numbers of charts that were removed.
    excluded = sorted(name for number in scope.get("excluded", []) if (name := chart(number)))
    if excluded:
        source["excluded"] = excluded
    known = {*source, "targets", "defaultDataMask", "controlValues", "scope", "chartsInScope", "tabsInScope"}
    source |= {
        key: setting
        for key, setting in kept.items()
        if key not in known and setting not in (None, _DEFAULTS.get(key))
    }
    return source
