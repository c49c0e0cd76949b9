"""An app's use of replit.db, against the drop-in. Run by tests/shims.rs, which gives an empty Postgres database."""

import asyncio
import os
import threading

from replit import db
from replit.database import AsyncDatabase, Database, ObservedDict, ObservedList, to_primitive

assert "nothing" not in db, "and the table is made"
db["user"] = {"name": "Ann", "tags": ["a"], "deep": {"list": [1, {"x": []}]}}
assert isinstance(db["user"], ObservedDict)
assert db["user"] == {"name": "Ann", "tags": ["a"], "deep": {"list": [1, {"x": []}]}}

# What is changed in place is stored, however deep.
db["user"]["tags"].append("b")
db["user"]["deep"]["list"][1]["x"].append("here")
db["user"]["name"] = "Bob"
del db["user"]["deep"]["list"][0]
user = db["user"]
user["tags"].insert(0, "first")
user["tags"] += ["last"]
fresh = Database()
assert to_primitive(fresh["user"]) == {"name": "Bob", "tags": ["first", "a", "b", "last"], "deep": {"list": [{"x": ["here"]}]}}, fresh["user"]
assert isinstance(fresh["user"]["tags"], ObservedList)
assert user["tags"][1:3] == ["a", "b"] and len(user["tags"]) == 4 and "b" in user["tags"]
assert [item for item in db["user"]["deep"]["list"]][0]["x"] == ["here"]

for value in (None, True, 0, 1.5, "", "ü\"'\\", [], {}, [[]], "\\u0000 as text"):
    db["any"] = value
    assert db["any"] == value, value
db["copy"] = db["user"]["tags"]
assert db.get_raw("copy") == '["first","a","b","last"]'
default = db.get("list", [])
default.append(1)
assert db["list"] == [1], "a default is stored as soon as it is changed"
assert db.get("no", None) is None and db.setdefault("list", []) == [1]
for bad, says in (("a\u0000b", "value of zero holds the character U+0000"), (float("nan"), "not JSON compliant")):
    try:
        db["zero"] = bad
        raise AssertionError("it was taken")
    except ValueError as error:
        assert says in str(error), error

db.set_bulk({"p:2": 2, "p:10": 10, "p%": 1, "p_": 1})
assert db.prefix("p:") == ("p:10", "p:2")
assert db.prefix("p_") == ("p_",), "a prefix is no pattern"
assert sorted(db.keys()) == sorted(db) and len(db) == len(list(db))
del db["p:2"]
for missing in (lambda: db["p:2"], lambda: db.__delitem__("p:2"), lambda: db.get_raw("p:2")):
    try:
        missing()
        raise AssertionError("it was there")
    except KeyError as error:
        assert error.args == ("p:2",)
assert db.pop("p:10") == 10 and "p:10" not in db

# Threads share a connection; a forked worker has its own.
errors = []


def work(n: int) -> None:
    try:
        for at in range(20):
            db[f"t:{n}:{at}"] = at
    except Exception as error:  # noqa: BLE001
        errors.append(error)


threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert not errors and len(db.prefix("t:")) == 80, errors
child = os.fork()
if child == 0:
    db["forked"] = True
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0 and db["forked"] is True

# The server ends an idle connection: the next call opens another.
other = Database()
ours = db._run("select pg_backend_pid()")[0][0][0]
other._run("select pg_terminate_backend(%s)", (ours,))
assert db["forked"] is True


async def later() -> None:
    async with AsyncDatabase() as adb:
        await adb.set("async", {"a": [1]})
        assert await adb.get("async") == {"a": [1]}
        assert "async" in await adb.keys()
        await adb.delete("async")
        assert await adb.list("async") == ()


asyncio.run(later())
db.clear()
assert len(db) == 0
try:
    from replit import web  # noqa: F401
    raise AssertionError("web is there")
except ImportError:
    pass
import replit  # noqa: E402

try:
    replit.web
    raise AssertionError("web is there")
except AttributeError as error:
    assert "needs a login of its own" in str(error)
print("all of replit.db holds")
