"""In words: how one version of a JSON schema breaks with another."""

from __future__ import annotations

import json
from typing import Any

# Keywords that explain and do not judge.
_EXPLAINING = {"description", "title", "$comment", "examples"}


def breaking_changes(earlier: dict[str, Any], later: dict[str, Any]) -> list[str]:
    """List what may make `later` refuse a record that `earlier` allowed, field by field.

    The registry decides whether a change is compatible but says only yes or no; this names the candidates.
    """
    old, new = earlier.get("properties", {}), later.get("properties", {})
    found = [f"{field} is no longer there" for field in old if field not in new]
    old_required = earlier.get("required", [])
    for field in later.get("required", []):
        if field not in old_required:
            found.append(f"{field} is {'now' if field in old else 'new and'} required")
    for field in old.keys() & new.keys():
        found += _changed_rules(field, old[field], new[field])
    if earlier.get("additionalProperties") != later.get("additionalProperties"):
        found.append("additionalProperties has changed")
    return sorted(found)


def _changed_rules(field: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    keywords = sorted((old.keys() | new.keys()) - _EXPLAINING)
    return [
        f"{field}: {keyword} {_shown(old, keyword)} -> {_shown(new, keyword)}"
        for keyword in keywords
        if old.get(keyword) != new.get(keyword)
    ]


def _shown(rule: dict[str, Any], keyword: str) -> str:
    return json.dumps(rule[keyword]) if keyword in rule else "none"
