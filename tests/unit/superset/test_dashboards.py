"""The files of superset/: that they are well-formed, and come back from Superset as they were."""

import copy
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from music_dashboards import access, bundle, files, layout, queries
from music_dashboards.errors import DashboardsError
from music_dashboards.files import Assets

CHECKOUT = Path(__file__).resolve().parents[3]
FOLDER = CHECKOUT / "superset"
URI = "postgresql+psycopg2://music_dashboards:XXXXXXXXXX@127.0.0.1:5432/music"
DASHBOARDS = {"live", "listeners", "content", "devices-and-places", "my-listening", "pipeline-health"}
# The ids that tell a name's owner: others may have the same. (An imported history knows no more than names.)
OWNERS = {
    ("content_daily", "content_name"): {"content_id"},
    ("stream_events", "artist"): {"artist_id", "song_id"},
    ("stream_events", "song"): {"song_id"},
    ("trending", "content_name"): {"content_id"},
    ("place_daily", "city"): {"location_id"},
}
# What stands in warehouse.users and must not be seen in a dashboard.
PRIVATE = {"name", "email", "birth_date"}


@pytest.fixture
def assets() -> Assets:
    return files.read(FOLDER / "assets")


def by_uuid(archive: bytes) -> dict[str, dict[str, Any]]:
    documents: dict[str, dict[str, Any]] = {kind: {} for kind in files.KINDS}
    with zipfile.ZipFile(io.BytesIO(archive)) as content:
        for path in content.namelist():
            if path.count("/") > 1:
                document = json.loads(content.read(path))
                documents[path.split("/")[1]][document["uuid"]] = document
    return documents


def test_there_is_every_dashboard_and_each_chart_is_on_one(assets: Assets) -> None:
    assert {dashboard["slug"] for dashboard in assets.dashboards.values()} == DASHBOARDS
    placed = {name for each in assets.dashboards.values() for name in layout.charts_of(each["layout"])}
    assert placed == set(assets.charts)


def test_every_file_has_the_one_form_that_an_export_writes(assets: Assets) -> None:
    for kind, name, document in assets.each():
        assert (FOLDER / "assets" / kind / f"{name}.yaml").read_text() == files.dump(document), name


def test_what_superset_gets_comes_back_as_the_same_files(assets: Assets) -> None:
    archive = bundle.pack(assets, URI)

    found = bundle.unpack(archive, assets)

    for kind, name, document in assets.each():
        # As texts: an export must not even change the order of lines.
        assert files.dump(found.of(kind)[name]) == files.dump(document), f"{kind}/{name}"
    assert found == assets


def test_superset_s_own_numbers_and_a_person_s_last_look_are_no_change(assets: Assets) -> None:
    documents = by_uuid(bundle.pack(assets, URI))
    for chart in documents["charts"].values():
        chart["params"] |= {"datasource": "7__table", "slice_id": 99, "dashboards": [3]}
    for dashboard in documents["dashboards"].values():
        renumbered: dict[int, int] = {}
        for part in dashboard["position"].values():
            if isinstance(part, dict) and part["type"] == "CHART":
                old = part["meta"]["chartId"]
                renumbered[old] = part["meta"]["chartId"] = old + 1000
        for each in dashboard["metadata"]["native_filter_configuration"]:
            each["scope"]["excluded"] = [renumbered[number] for number in each["scope"]["excluded"]]
        dashboard["metadata"] |= {"chart_configuration": {"1": {}}, "expanded_slices": {"7": True}}

    assert bundle.sources(documents, assets) == assets


def test_a_chart_that_was_moved_or_made_in_the_browser_is_the_only_difference(assets: Assets) -> None:
    documents = by_uuid(bundle.pack(assets, URI))
    live = documents["dashboards"][assets.dashboards["live"]["uuid"]]
    chart = next(
        part for part in live["position"].values() if isinstance(part, dict) and part["type"] == "CHART"
    )
    chart["meta"]["width"] = 12
    uuid = "00000000-0000-4000-8000-000000000001"
    documents["charts"][uuid] = {
        **next(iter(documents["charts"].values())),
        "uuid": uuid,
        "slice_name": "Plays (new!)",
    }

    found = bundle.sources(documents, assets)

    assert set(found.charts) - set(assets.charts) == {"plays_new"}
    assert [name for name in assets.dashboards if found.dashboards[name] != assets.dashboards[name]] == [
        "live"
    ]
    assert len(files.dump(found.dashboards["live"]).splitlines()) == len(
        files.dump(assets.dashboards["live"]).splitlines()
    )


def test_tabs_columns_and_texts_keep_their_place() -> None:
    tree: layout.Layout = [
        {
            "tabs": [
                {"tab": "First", "layout": [{"row": [{"column": [{"header": "Top"}], "width": 4}]}]},
                {
                    "tab": "Second",
                    "layout": [{"divider": True}, {"text": "# Words", "width": 12, "height": 9}],
                },
            ]
        }
    ]

    position = layout.to_position("Title", tree, lambda name: {"uuid": name})

    assert layout.to_layout(position, lambda uuid: uuid) == tree
    assert position["HEADER-1-1-1-1-1"]["parents"] == [
        *("ROOT_ID", "TABS-1", "TAB-1-1", "ROW-1-1-1", "COLUMN-1-1-1-1")
    ]


def test_a_part_of_a_layout_without_a_known_word_is_named() -> None:
    with pytest.raises(DashboardsError, match=r"one of the words row, column.*'spacer'"):
        layout.to_position("Title", [{"spacer": True}], lambda name: {})


@pytest.mark.parametrize(
    ("kind", "change", "complaint"),
    [
        ("charts", {"dataset": "nowhere"}, "charts/live/hours refers to datasets/nowhere"),
        (
            "dashboards",
            {"layout": [{"chart": "gone"}], "filters": []},
            "dashboards/live refers to charts/gone",
        ),
    ],
)
def test_a_reference_to_no_file_is_named(
    assets: Assets, kind: str, change: dict[str, Any], complaint: str
) -> None:
    assets.of(kind)["live/hours" if kind == "charts" else "live"] |= change

    with pytest.raises(DashboardsError, match=complaint):
        bundle.pack(assets, URI)


def test_two_files_with_one_uuid_are_refused(tmp_path: Path, assets: Assets) -> None:
    assets.charts["live/copy"] = copy.deepcopy(assets.charts["live/hours"])
    files.write(tmp_path, assets)

    with pytest.raises(DashboardsError, match=r"live/hours.yaml and .*live/copy.yaml have the same uuid"):
        files.read(tmp_path)


def test_writing_tells_of_each_file_once_and_removes_what_is_gone(tmp_path: Path, assets: Assets) -> None:
    files.write(tmp_path, assets)
    assert files.write(tmp_path, assets) == []

    del assets.charts["live/hours"]
    assets.charts["live/skips"]["slice_name"] = "Skips"

    assert files.write(tmp_path, assets) == [
        "changed charts/live/skips.yaml",
        "removed charts/live/hours.yaml",
    ]


def test_every_chart_can_be_asked_for_its_data(assets: Assets) -> None:
    documents = by_uuid(bundle.pack(assets, URI))["charts"]

    for chart in documents.values():
        context = json.loads(chart["query_context"])
        assert context["queries"], chart["slice_name"]


def test_a_chart_follows_the_time_range_of_its_dashboard(assets: Assets) -> None:
    documents = by_uuid(bundle.pack(assets, URI))

    for chart in documents["charts"].values():
        column = documents["datasets"][chart["dataset_uuid"]].get("main_dttm_col")
        ranges = [
            each
            for each in chart["params"].get("adhoc_filters", [])
            if each.get("operator") == "TEMPORAL_RANGE"
        ]
        assert [each["subject"] for each in ranges] == ([column] if column else [])


@pytest.mark.parametrize("name", sorted(DASHBOARDS))
def test_a_filter_reaches_every_chart_that_has_its_column_and_leaves_the_others_out(
    assets: Assets, name: str
) -> None:
    dashboard = assets.dashboards[name]
    for chosen in dashboard["filters"]:
        without = set()
        for chart in layout.charts_of(dashboard["layout"]):
            dataset = assets.datasets[assets.charts[chart]["dataset"]]
            columns = {column["column_name"] for column in dataset["columns"]}
            if chosen.get("column", dataset.get("main_dttm_col")) not in columns:
                without.add(chart)
        assert set(chosen.get("excluded", [])) == without, chosen["name"]


def test_a_chart_has_a_row_for_each_song_artist_album_and_city_and_not_for_each_name(assets: Assets) -> None:
    checked = set()
    for name, chart in assets.charts.items():
        groups = {*chart["params"].get("groupby", []), chart["params"].get("x_axis")}
        for (dataset, label), owners in OWNERS.items():
            if chart["dataset"] == dataset and label in groups:
                assert owners & groups, name
                checked.add((dataset, label))
    assert checked == set(OWNERS)


def test_a_query_has_the_filters_the_order_and_the_limit_of_its_chart() -> None:
    params = {
        "metrics": ["plays"],
        "groupby": ["song"],
        "row_limit": 5,
        "adhoc_filters": [
            {"expressionType": "SIMPLE", "subject": "kind", "operator": "==", "comparator": "song"},
            {"expressionType": "SQL", "sqlExpression": "plays > 1"},
        ],
    }

    context = queries.context("table", params)

    assert context is not None
    (query,) = context["queries"]
    assert query["columns"] == ["song"]
    assert query["metrics"] == ["plays"]
    assert query["orderby"] == [["plays", False]]
    assert query["row_limit"] == 5
    assert query["filters"] == [{"col": "kind", "op": "==", "val": "song"}]
    assert query["extras"] == {"where": "(plays > 1)"}


def test_a_chart_of_an_unknown_kind_has_no_query() -> None:
    assert queries.context("deck_arc", {}) is None


def test_no_dataset_has_a_private_column_or_a_schema_other_than_analytics(assets: Assets) -> None:
    for name, dataset in assets.datasets.items():
        assert not {column["column_name"] for column in dataset["columns"]} & PRIVATE, name
        assert "schema" not in dataset, f"{name}: what is left out is {bundle.SCHEMA}"


def test_every_chart_says_in_sentences_what_it_shows(assets: Assets) -> None:
    for name, chart in assets.charts.items():
        assert chart.get("description", "").endswith("."), name


def test_every_number_says_how_it_is_written(assets: Assets) -> None:
    for name, dataset in assets.datasets.items():
        for metric in dataset.get("metrics", []):
            assert re.fullmatch(r",?(d|\.\d~?[f%]|\.\d%)", metric["d3format"]), (name, metric["metric_name"])


def test_the_viewer_may_look_and_neither_change_nor_query() -> None:
    roles = {role.name: role for role in access.read(FOLDER / "roles.yaml", database="music")}

    viewer, analyst = roles["Viewer"].permissions, roles["Analyst"].permissions
    # State of filters, which every look at a dashboard stores.
    writes = {view for permission, view in viewer if permission == "can_write"}
    assert writes == {"DashboardFilterStateRestApi", "DashboardPermalinkRestApi"}
    assert not {pair for pair in viewer if "SQL" in pair[1]}
    assert ("can_execute_sql_query", "SQLLab") in analyst
    assert viewer < analyst
    access_rights = {
        pair for role in roles.values() for pair in role.permissions if pair[0].endswith("_access")
    }
    assert access_rights == {
        ("schema_access", "[Music].[music].[analytics]"),
        *((name, view) for name, view in access_rights if name == "menu_access"),
    }
