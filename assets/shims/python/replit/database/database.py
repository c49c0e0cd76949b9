"""`db`: dict-like, on the Postgres table kv(key text primary key, value jsonb).

Database: KV_DATABASE_URL, else DATABASE_URL. The table is made when it is missing and the role may.
"""

import asyncio
import json
import os
import threading
from collections import abc
from typing import Any, Dict, Iterator, List, Optional, Tuple

import psycopg
from psycopg import errors

from .observed import observe, to_primitive

TABLE = "create table if not exists kv (key text primary key, value jsonb not null)"
PUT = "insert into kv (key, value) values (%s, %s) on conflict (key) do update set value = excluded.value"


def dumps(value: Any) -> str:
    """JSON without spaces; observed lists and dicts are plain ones."""
    return json.dumps(to_primitive(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Database(abc.MutableMapping):
    """One connection for each process (a forked worker opens its own), shared by its threads."""

    def __init__(self, db_url: Optional[str] = None, **_ignored: Any) -> None:
        # A URL of Replit's own store (https://kv.replit.com/...) says nothing here.
        own = (db_url or "").startswith(("postgres://", "postgresql://"))
        self._url = db_url if own else os.environ.get("KV_DATABASE_URL") or os.environ.get("DATABASE_URL")
        self._lock = threading.RLock()
        self._connection: Optional[psycopg.Connection] = None
        self._process = 0

    def _connected(self) -> psycopg.Connection:
        connection = self._connection
        if connection is None or connection.closed or self._process != os.getpid():
            if not self._url:
                raise RuntimeError("no database: set DATABASE_URL (or KV_DATABASE_URL) to a Postgres URL")
            connection = psycopg.connect(self._url, autocommit=True)
            self._connection, self._process = connection, os.getpid()
        return connection

    def _run(self, text: str, values: Tuple[Any, ...] = (), many: Optional[List[Tuple[Any, ...]]] = None) -> Tuple[List[Tuple[Any, ...]], int]:
        def once() -> Tuple[List[Tuple[Any, ...]], int]:
            connection = self._connected()
            with connection.transaction(), connection.cursor() as cursor:
                if many is not None:
                    cursor.executemany(text, many)
                    return [], cursor.rowcount
                cursor.execute(text, values)
                return (cursor.fetchall() if cursor.description else []), cursor.rowcount

        with self._lock:
            try:
                return once()
            except errors.UndefinedTable:
                try:
                    self._connected().execute(TABLE)
                except (errors.UniqueViolation, errors.DuplicateTable):
                    pass  # another process made it at the same time
                return once()
            except psycopg.OperationalError:
                # The server ended an idle connection: every statement here may run twice.
                if self._connection is not None and not self._connection.closed:
                    raise
                self._connection = None
                return once()

    def __getitem__(self, key: str) -> Any:
        value = json.loads(self._text(key))
        return observe(value, lambda: self.set(key, value))

    def get(self, key: str, default: Any = None) -> Any:
        """The value; else the default, which is stored as soon as it is changed."""
        try:
            return self[key]
        except KeyError:
            plain = to_primitive(default)
            return observe(plain, lambda: self.set(key, plain))

    def _text(self, key: str) -> str:
        rows, _ = self._run("select value::text from kv where key = %s", (key,))
        if not rows:
            raise KeyError(key)
        return rows[0][0]

    def get_raw(self, key: str) -> str:
        """The value as JSON text without spaces."""
        return dumps(json.loads(self._text(key)))

    def __setitem__(self, key: str, value: Any) -> None:
        self.set(key, value)

    def set(self, key: str, value: Any) -> None:
        self.set_bulk({key: value})

    def set_raw(self, key: str, value: str) -> None:
        self.set_bulk_raw({key: value})

    def set_bulk(self, values: Dict[str, Any]) -> None:
        """All or none."""
        self.set_bulk_raw({key: dumps(value) for key, value in values.items()})

    def set_bulk_raw(self, values: Dict[str, str]) -> None:
        """As `set_bulk`, with values that are JSON text."""
        for key, text in values.items():
            if "\\u0000" in text.replace("\\\\", ""):
                raise ValueError(f"the value of {key} holds the character U+0000, which a jsonb column cannot")
        self._run(PUT, many=list(values.items()))

    def __delitem__(self, key: str) -> None:
        _, count = self._run("delete from kv where key = %s", (key,))
        if count == 0:
            raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return bool(self._run("select 1 from kv where key = %s", (key,))[0])

    def __iter__(self) -> Iterator[str]:
        return iter(self.prefix(""))

    def __len__(self) -> int:
        return self._run("select count(*) from kv")[0][0][0]

    def prefix(self, prefix: str) -> Tuple[str, ...]:
        """Keys that begin so, in the order of their bytes."""
        rows, _ = self._run('select key from kv where starts_with(key, %s) order by key collate "C"', (prefix,))
        return tuple(row[0] for row in rows)

    def clear(self) -> None:
        self._run("delete from kv")

    def dumps(self, value: Any) -> str:
        return dumps(value)

    def __repr__(self) -> str:
        return "<Database(db_url=...)>"

    def close(self) -> None:
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None


class AsyncDatabase:
    """The same for asyncio: each call runs in a thread of its own. Values are plain, as in the original."""

    def __init__(self, db_url: Optional[str] = None, **_ignored: Any) -> None:
        self.sync = Database(db_url)

    async def __aenter__(self) -> "AsyncDatabase":
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    async def get(self, key: str) -> Any:
        return json.loads(await self.get_raw(key))

    async def get_raw(self, key: str) -> str:
        return await asyncio.to_thread(self.sync.get_raw, key)

    async def set(self, key: str, value: Any) -> None:
        await asyncio.to_thread(self.sync.set, key, value)

    async def set_raw(self, key: str, value: str) -> None:
        await asyncio.to_thread(self.sync.set_raw, key, value)

    async def set_bulk(self, values: Dict[str, Any]) -> None:
        await asyncio.to_thread(self.sync.set_bulk, values)

    async def set_bulk_raw(self, values: Dict[str, str]) -> None:
        await asyncio.to_thread(self.sync.set_bulk_raw, values)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self.sync.__delitem__, key)

    async def list(self, prefix: str) -> Tuple[str, ...]:
        return await asyncio.to_thread(self.sync.prefix, prefix)

    async def to_dict(self, prefix: str = "") -> Dict[str, Any]:
        return {key: await self.get(key) for key in await self.list(prefix)}

    async def keys(self) -> Tuple[str, ...]:
        return await self.list("")

    async def values(self) -> Tuple[Any, ...]:
        return tuple((await self.to_dict()).values())

    async def items(self) -> Tuple[Tuple[str, Any], ...]:
        return tuple((await self.to_dict()).items())

    async def close(self) -> None:
        await asyncio.to_thread(self.sync.close)
