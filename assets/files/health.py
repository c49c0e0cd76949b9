"""Health of the app, made by migrate-wizard: the load balancer asks for it every 30 seconds.

Mount it, for Flask:
    from health import health
    @app.get("/api/health")
    def api_health():
        status, body = health({"database": lambda: db.session.execute(db.text("select 1"))}, app)
        return body, status
For FastAPI, in an `async def`, with checks of either kind:
    status, body = await health_async({"database": ask_the_database})
    return JSONResponse(body, status)
Add `"redis": redis.ping` if the app cannot work without Redis.
"""

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext
from pathlib import Path

PATIENCE_SECONDS = 3
# a check that hangs keeps its thread: of these there are only so many, and then the app is degraded at once
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="health")


def _memory_share():
    """Share of the container's memory in use, 0 to 1; 0 where there is no limit."""
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):
        return 0.0
    return used / limit if limit else 0.0


def _run(check, app):
    with app.app_context() if app is not None else nullcontext():
        check()


def health(checks, app=None):
    """200 and "ok", or 503 and "degraded" with the checks that failed. `app`: the Flask app, whose context the checks run in."""
    at_work = {name: _threads.submit(_run, check, app) for name, check in checks.items()}
    wait(at_work.values(), timeout=PATIENCE_SECONDS)
    # why one failed is for the log, not for whoever asks
    state = {name: done.done() and not done.cancelled() and done.exception() is None for name, done in at_work.items()}
    for late in at_work.values():
        late.cancel()
    return _answer(state)


async def health_async(checks):
    """The same for FastAPI: a check is a function of either kind, and what it gives is awaited where that is needed."""

    async def passes(check):
        loop = asyncio.get_running_loop()

        async def asked():
            found = await loop.run_in_executor(_threads, check)
            if inspect.isawaitable(found):
                await found

        try:
            await asyncio.wait_for(asked(), PATIENCE_SECONDS)
        except Exception:  # why it failed is for the log, not for whoever asks
            return False
        return True

    results = await asyncio.gather(*(passes(check) for check in checks.values()))
    return _answer(dict(zip(checks, results)))


def _answer(state):
    state["memory"] = _memory_share() < 0.95
    ok = all(state.values())
    return (200 if ok else 503), {"status": "ok" if ok else "degraded", "checks": state}
