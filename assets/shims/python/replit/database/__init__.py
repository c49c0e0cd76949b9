"""The key-value store on Postgres."""

from typing import Any

from .database import AsyncDatabase, Database, dumps, to_primitive
from .observed import ObservedDict, ObservedList

__all__ = ["AsyncDatabase", "Database", "ObservedDict", "ObservedList", "db", "dumps", "to_primitive"]

_db = None


def __getattr__(name: str) -> Any:
    global _db
    if name == "db":
        if _db is None:
            _db = Database()
        return _db
    raise AttributeError(f"module 'replit.database' has no attribute {name!r}")
