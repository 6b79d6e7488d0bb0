"""A dashboard's layout as a tree that people can read, and as the flat table that Superset keeps.

    - row:
        - {chart: live/plays_now, width: 3, height: 24}
        - column: [...]
          width: 4
    - header: Right now
    - text: |
        What this shows
      width: 12
      height: 12
    - tabs:
        - {tab: Songs, layout: [...]}

Superset names each part by an id and repeats in it where it lies. Both follow from the place in the tree, so
that moving a chart changes its line alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from music_dashboards.errors import DashboardsError

Node = dict[str, Any]
Position = dict[str, Any]
Layout = list[dict[str, Any]]

# What Superset sets where the tree says nothing.
DEFAULT_META: Mapping[str, Mapping[str, Any]] = {
    "ROW": {"background": "BACKGROUND_TRANSPARENT"},
    "COLUMN": {"background": "BACKGROUND_TRANSPARENT"},
    "HEADER": {"background": "BACKGROUND_TRANSPARENT", "headerSize": "MEDIUM_HEADER"},
    "DIVIDER": {},
    "CHART": {},
    "MARKDOWN": {},
    "TABS": {},
    "TAB": {},
}
# By which word of the tree a part is known, and the key of Superset's meta that the word's value is.
_WORDS = {
    "row": "ROW",
    "column": "COLUMN",
    "chart": "CHART",
    "text": "MARKDOWN",
    "header": "HEADER",
    "divider": "DIVIDER",
    "tabs": "TABS",
    "tab": "TAB",
}
_CONTENT_IN_META = {"chart": "uuid", "text": "code", "header": "text", "tab": "text"}
# Parts whose children are the word's own value, and the one that has them beside it.
_CHILDREN_AS_VALUE = frozenset({"row", "column", "tabs"})
# What Superset derives, or sets for itself.
_DERIVED_META = frozenset({"chartId", "sliceName", "uuid", "code", "text", "defaultText", "placeholder"})


def to_position(title: str, layout: Layout, chart: Callable[[str], Node]) -> Position:
    """Return Superset's table of a layout; `chart` gives the meta (uuid, chartId) of a chart's name."""
    position: Position = {
        "DASHBOARD_VERSION_KEY": "v2",
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": title}},
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": []},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "children": [], "parents": ["ROOT_ID"]},
    }
    # A dashboard is a grid, or one set of tabs in its place.
    top = "ROOT_ID" if [*map(_word, layout)] == ["tabs"] else "GRID_ID"
    if top == "GRID_ID":
        position["ROOT_ID"]["children"] = ["GRID_ID"]
    parents = ["ROOT_ID"] if top == "ROOT_ID" else ["ROOT_ID", "GRID_ID"]
    position[top]["children"] = _place(position, layout, parents, "", chart)
    return position


def _place(
    position: Position, nodes: Layout, parents: Sequence[str], path: str, chart: Callable[[str], Node]
) -> list[str]:
    ids = []
    for number, node in enumerate(nodes, start=1):
        word = _word(node)
        kind, here = _WORDS[word], f"{path}-{number}"
        identity = f"{kind}{here}"
        meta = {**DEFAULT_META[kind], **{key: node[key] for key in node if key not in (word, "layout")}}
        children = node[word] if word in _CHILDREN_AS_VALUE else node.get("layout", [])
        if word == "chart":
            meta |= chart(node[word])
        elif word in _CONTENT_IN_META:
            meta[_CONTENT_IN_META[word]] = node[word]
        position[identity] = {
            "id": identity,
            "type": kind,
            "meta": meta,
            "parents": list(parents),
            "children": [],
        }
        position[identity]["children"] = _place(position, children, [*parents, identity], here, chart)
        ids.append(identity)
    return ids


def _word(node: Mapping[str, Any]) -> str:
    words = [key for key in node if key in _WORDS]
    if len(words) != 1:
        raise DashboardsError(
            f"A part of a layout has one of the words {', '.join(_WORDS)}, and not {words or 'none'}: {node}"
        )
    return words[0]


def to_layout(position: Position, name: Callable[[str], str]) -> Layout:
    """Return the tree of Superset's table; `name` gives the name of a chart's uuid."""
    children = position["ROOT_ID"]["children"]
    top = position["GRID_ID"]["children"] if children == ["GRID_ID"] else children
    return [_node(position, identity, name) for identity in top]


def _node(position: Position, identity: str, name: Callable[[str], str]) -> Node:
    part = position[identity]
    kind, meta = part["type"], part.get("meta", {})
    word = next(word for word, known in _WORDS.items() if known == kind)
    children = [_node(position, child, name) for child in part.get("children", [])]
    value: Any
    if word in _CHILDREN_AS_VALUE:
        value = children
    elif word == "chart":
        value = name(meta["uuid"])
    else:
        value = meta[_CONTENT_IN_META[word]] if word in _CONTENT_IN_META else True
    defaults = DEFAULT_META[kind]
    node = {word: value}
    node |= {
        key: setting
        for key, setting in sorted(meta.items(), key=lambda item: (item[0] != "width", item[0]))
        if key not in _DERIVED_META and defaults.get(key) != setting
    }
    if word == "tab":
        node["layout"] = children
    return node


def charts_of(layout: Layout) -> Iterator[str]:
    """Go through the names of a layout's charts."""
    for node in layout:
        if "chart" in node:
            yield node["chart"]
        for key in ("row", "column", "tabs", "layout"):
            yield from charts_of(node.get(key, []))


def tab_ids(position: Position) -> dict[str, str]:
    """Return the id that each tab would get from its place, by the id that it has."""
    found: dict[str, str] = {}

    def walk(children: Sequence[str], path: str) -> None:
        for number, identity in enumerate(children, start=1):
            part = position[identity]
            here = f"{path}-{number}"
            if part["type"] == "TAB":
                found[identity] = f"TAB{here}"
            walk(part.get("children", []), here)

    root = position["ROOT_ID"]["children"]
    walk(position["GRID_ID"]["children"] if root == ["GRID_ID"] else root, "")
    return found
