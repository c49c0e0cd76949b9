"""Health of the app, made by migrate-wizard: the load balancer asks for it every 30 seconds.

Mount it, for Flask:
    from health import health
    @app.get("/api/health")
    def api_health():
        status, body = health({"database": lambda: db.session.execute(text("select 1"))})
        return body, status
"""

from pathlib import Path


def _memory_share():
    """Share of the container's memory in use, 0 to 1; 0 where there is no limit."""
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):
        return 0.0
    return used / limit if limit else 0.0


def health(checks):
    """200 and "ok", or 503 and "degraded" with the checks that failed."""
    state = {}
    for name, check in checks.items():
        try:
            check()
            state[name] = True
        except Exception:  # why it failed is for the log, not for whoever asks
            state[name] = False
    state["memory"] = _memory_share() < 0.95
    ok = all(state.values())
    return (200 if ok else 503), {"status": "ok" if ok else "degraded", "checks": state}
