"""The queries behind a chart, computed from its settings as Superset's pages compute them.

Superset keeps them with a chart for everything that wants its data without drawing it: the check after an
import, and people who use its interface. A chart of a kind that is not here gets none, and is drawn all the
same.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Params = Mapping[str, Any]
Query = dict[str, Any]


def context(viz_type: str, params: Params) -> dict[str, Any] | None:
    """Return the query context of a chart, the number of its dataset left open (0); None when unknown."""
    kind = _KINDS.get(viz_type)
    if kind is None:
        return None
    return {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": list(kind(params)),
        "result_format": "json",
        "result_type": "full",
    }


def _query(params: Params, suffix: str = "", **parts: Any) -> Query:
    """Return a query with what all kinds have; `suffix` marks the second query of a mixed chart."""
    filters, where = [], []
    for chosen in params.get(f"adhoc_filters{suffix}", []):
        if chosen["expressionType"] == "SQL":
            where.append(f"({chosen['sqlExpression']})")
        else:
            filters.append({"col": chosen["subject"], "op": chosen["operator"], "val": chosen["comparator"]})
    return {
        "filters": filters,
        "extras": {"where": " AND ".join(where)} if where else {},
        "row_limit": params.get(f"row_limit{suffix}") or 10_000,
        "orderby": [],
        **parts,
    }


def _total(params: Params) -> Iterator[Query]:
    yield _query(params, columns=[], metrics=[params["metric"]])


def _trend(params: Params) -> Iterator[Query]:
    yield _query(params, columns=[_axis(params)], metrics=[params["metric"]])


def _series(params: Params, suffix: str = "") -> Iterator[Query]:
    metrics, groups = params[f"metrics{suffix}"], params.get(f"groupby{suffix}", [])
    yield _query(
        params,
        suffix,
        columns=[_axis(params), *groups],
        series_columns=groups,
        metrics=metrics,
        orderby=[[metrics[0], False]],
    )


def _mixed(params: Params) -> Iterator[Query]:
    yield from _series(params)
    yield from _series(params, "_b")


def _groups(params: Params) -> Iterator[Query]:
    metric = params["metric"]
    yield _query(params, columns=params["groupby"], metrics=[metric], orderby=[[metric, False]])


def _table(params: Params) -> Iterator[Query]:
    if params.get("query_mode") == "raw":
        # Its orders are texts such as '["event_time", false]'.
        order = [_order(text) for text in params.get("order_by_cols", [])]
        yield _query(params, columns=params["all_columns"], metrics=None, orderby=order)
        return
    first = params.get("timeseries_limit_metric") or params["metrics"][0]
    yield _query(
        params,
        columns=params["groupby"],
        metrics=params["metrics"],
        orderby=[[first, not params.get("order_desc", True)]],
    )


def _order(text: str) -> list[Any]:
    column, ascending = text.strip("[]").split(",")
    return [column.strip().strip('"'), ascending.strip() == "true"]


def _heatmap(params: Params) -> Iterator[Query]:
    yield _query(params, columns=[params["x_axis"], params["groupby"]], metrics=[params["metric"]])


def _pivot(params: Params) -> Iterator[Query]:
    yield _query(
        params,
        columns=[*params["groupbyColumns"], *params["groupbyRows"]],
        metrics=params["metrics"],
    )


def _world_map(params: Params) -> Iterator[Query]:
    metric = params["metric"]
    yield _query(params, columns=[params["entity"]], metrics=[metric], orderby=[[metric, False]])


def _axis(params: Params) -> Any:
    """Return the x axis: with a grain, time in buckets; else the column."""
    column, grain = params["x_axis"], params.get("time_grain_sqla")
    if grain is None:
        return column
    return {
        "columnType": "BASE_AXIS",
        "expressionType": "SQL",
        "label": column,
        "sqlExpression": column,
        "timeGrain": grain,
    }


_KINDS: Mapping[str, Callable[[Params], Iterator[Query]]] = {
    "big_number_total": _total,
    "big_number": _trend,
    "echarts_timeseries_line": _series,
    "echarts_timeseries_bar": _series,
    "echarts_area": _series,
    "mixed_timeseries": _mixed,
    "pie": _groups,
    "treemap_v2": _groups,
    "funnel": _groups,
    "table": _table,
    "heatmap_v2": _heatmap,
    "pivot_table_v2": _pivot,
    "world_map": _world_map,
}
