"""Brings Superset's own records to its version: tables, permissions, and the administrator with its password.

superset.sh runs it in Superset's environment, before the server starts. One process does what would be three
of Superset's commands: each of them takes six seconds to begin.
"""

import os

from flask_migrate import upgrade
from superset import appbuilder, security_manager
from superset.app import create_app
from superset.extensions import db, migrate

ADMINISTRATOR = "admin"


def keep_administrator(password: str) -> None:
    """Make the administrator, or give it the password of this deployment."""
    user = security_manager.find_user(username=ADMINISTRATOR)
    if user is not None:
        security_manager.reset_password(user.id, password)
        return
    role = security_manager.find_role("Admin")
    made = security_manager.add_user(
        ADMINISTRATOR, "Platform", "Administrator", "admin@localhost", role, password=password
    )
    if not made:
        raise SystemExit("the administrator could not be made")


def main() -> None:
    """Do all of it; doing it again changes nothing."""
    app = create_app()
    with app.app_context():
        upgrade(directory=migrate.directory)
        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        keep_administrator(os.environ["MUSIC_SUPERSET_ADMIN_PASSWORD"])
        db.session.commit()


main()
