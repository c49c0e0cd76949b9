"""`replit` off Replit: `db` on a Postgres table, `object_storage` on Amazon S3. Written by migrate-wizard, yours to change.

Drop-in for the packages replit 4.1 and replit-object-storage 1.0 (facts as of 2026-11-20). What is not here needs a decision:
`replit.web` (Replit's header login, which exists only there), `replit.identity` and `replit.info`.
"""

from typing import Any

__all__ = ["AsyncDatabase", "Database", "clear", "db"]

_GONE = {
    "web": "Replit's header login does not exist off Replit: the app needs a login of its own",
    "identity": "Replit's identity tokens do not exist off Replit",
    "info": "what Replit told of the repl does not exist off Replit: use APP_URL or another variable of the environment",
}


def clear() -> None:
    """Clears the terminal."""
    print("\033[H\033[2J", end="", flush=True)


def __getattr__(name: str) -> Any:
    # Late, so that an app that only stores objects needs no database and the other way round.
    if name in ("db", "Database", "AsyncDatabase"):
        from . import database

        return getattr(database, name)
    if name in _GONE:
        raise AttributeError(f"replit.{name} is not part of this drop-in: {_GONE[name]}")
    raise AttributeError(f"module 'replit' has no attribute {name!r}")
