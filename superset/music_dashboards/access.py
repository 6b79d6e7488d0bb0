"""Roles and users as superset/roles.yaml says: made where they are missing, corrected where they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from music_dashboards.client import Client
from music_dashboards.errors import DashboardsError

Pair = tuple[str, str]
"""A permission in Superset's words: what may be done, and with what."""


@dataclass(frozen=True)
class Role:
    """A role, what it may do, and the one user that the platform makes with it."""

    name: str
    user: str
    permissions: frozenset[Pair]


def read(file: Path, database: str) -> list[Role]:
    """Read the roles for a database of that name; one may be based on another and adds to it."""
    content: Mapping[str, Mapping[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))["roles"]

    def permissions(name: str) -> frozenset[Pair]:
        entry = content[name]
        own = frozenset(
            (permission, resource.replace("{database}", database))
            for resource, allowed in entry["may"].items()
            for permission in allowed
        )
        return own | (permissions(entry["based_on"]) if "based_on" in entry else frozenset())

    return [Role(name, entry["user"], permissions(name)) for name, entry in content.items()]


def apply(client: Client, roles: Sequence[Role], passwords: Mapping[str, str]) -> list[str]:
    """Bring roles and users to the file; return a line for each. `passwords` are those of the users."""
    known = _permissions(client)
    role_ids = {entry["name"]: entry["id"] for entry in client.each("/api/v1/security/roles/", order="id")}
    user_ids = {
        entry["username"]: entry["id"] for entry in client.each("/api/v1/security/users/", order="id")
    }
    lines = []
    for role in roles:
        missing = role.permissions - known.keys()
        if missing:
            raise DashboardsError(
                f"Superset has no such permissions for the role {role.name}: {sorted(missing)}"
            )
        if role.name not in role_ids:
            made = client.call("POST", "/api/v1/security/roles/", json={"name": role.name})
            role_ids[role.name] = made["id"]
        wanted = sorted(known[pair] for pair in role.permissions)
        path = f"/api/v1/security/roles/{role_ids[role.name]}/permissions"
        client.call("POST", path, json={"permission_view_menu_ids": wanted})
        lines.append(f"role {role.name}: {len(wanted)} permissions")
        if role.user in passwords:
            _keep_user(client, role, role_ids[role.name], user_ids.get(role.user), passwords[role.user])
            lines.append(f"user {role.user}: has the role {role.name} alone")
    return lines


def _permissions(client: Client) -> dict[Pair, int]:
    """Return the id of every permission that Superset knows."""
    return {
        (entry["permission"]["name"], entry["view_menu"]["name"]): entry["id"]
        for entry in client.each("/api/v1/security/permissions-resources/", order="id")
    }


def _keep_user(client: Client, role: Role, role_id: int, user_id: int | None, password: str) -> None:
    wanted = {"password": password, "roles": [role_id], "active": True}
    if user_id is not None:
        client.call("PUT", f"/api/v1/security/users/{user_id}", json=wanted)
        return
    client.call(
        "POST",
        "/api/v1/security/users/",
        json={
            "username": role.user,
            "first_name": "Platform",
            "last_name": role.name,
            "email": f"{role.user}@localhost.localdomain",
            **wanted,
        },
    )
