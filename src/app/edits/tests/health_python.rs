//! The health route in Python: what stands in front of it, and what Django keeps.

use super::*;

#[test]
fn djangos_checks_have_nothing_that_nothing_calls_and_are_no_route_of_another_path() {
    let settings = "ROOT_URLCONF = \"site1.urls\"\nMIDDLEWARE = [\n]\nDATABASES = {\"default\": dj_database_url.config()}\n";
    let (after, _) = edited("health", &[("manage.py", "import django\n"), ("site1/settings.py", settings)]);
    let file = &after["site1/health_django.py"];
    assert!(!file.contains("redis") && !file.contains("cache") && file.contains("\n\n\nclass HealthMiddleware:"), "{file}");
    let redis = format!("{settings}CACHES = {{\"default\": {{\"BACKEND\": \"django.core.cache.backends.redis.RedisCache\"}}}}\n");
    let (after, items) = edited("health", &[("manage.py", "import django\n"), ("site1/settings.py", &redis)]);
    let file = &after["site1/health_django.py"];
    assert!(file.contains("\"redis\": _redis") && file.contains("def _redis():\n    cache.get(\"health\")\n"), "{file}");
    assert!(items.is_empty(), "{items:?}");
    let files: Vec<(&str, &str)> = after.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let health = |files: &[(&str, &str)]| crate::app::fixture::App::new(files).scan().services[0].health.clone();
    let with = |more: &[(&'static str, &'static str)]| health(&[&files[..], &[("requirements.txt", "django\n")], more].concat());
    assert_eq!(with(&[]).as_deref(), Some("/api/health"));
    assert_eq!(with(&[("site1/a.py", "x = cache.get(\"health\")\n")]).as_deref(), Some("/api/health"));
}

#[test]
fn what_flask_does_before_each_request_must_let_the_load_balancer_past() {
    let head = "import os\nfrom flask import Flask, abort, redirect, request\n\napp = Flask(__name__)\n\n\n";
    let hooks = "@app.before_request\ndef force_https():\n    if request.headers.get(\"X-Forwarded-Proto\", \"http\") == \"http\":\n        return redirect(request.url.replace(\"http://\", \"https://\"), 301)\n\n\n@app.before_request\ndef require_key():\n    if request.path.startswith(\"/api/\") and request.headers.get(\"X-Api-Key\") != os.environ.get(\"API_KEY\"):\n        abort(401)\n\n\n@app.before_request\ndef permanent():\n    # no redirect(here), no abort\n    session.permanent = \"abort(1)\"\n\n\n@app.before_request\ndef known():\n    if request.path == \"/api/health\":\n        return None\n    abort(401)\n\n\ndef later():\n    return redirect(\"/login\")\n\n\napp.before_request(later)\n";
    let (_, items) = edited("health", &[("app.py", &format!("{head}{hooks}"))]);
    assert_eq!(
        items,
        [
            "app.py:7 let /api/health past this: the load balancer asks the task itself, by http, and a redirect is no answer to it",
            "app.py:13 let /api/health past this: the load balancer has no login and no key",
            "app.py:36 let /api/health past this: the load balancer asks the task itself, by http, and a redirect is no answer to it",
        ]
    );
    // a route of the app's own stands behind them, too
    let own = "@app.get(\"/healthz\")\ndef health():\n    return \"ok\"\n\n\n@app.before_app_request\ndef f():\n    abort(403)\n";
    let (_, items) = edited("health", &[("app.py", &format!("{head}{own}"))]);
    assert_eq!(items, ["app.py:12 let /healthz past this: the load balancer has no login and no key"]);
}

#[test]
fn what_fastapi_has_in_front_of_its_routes_must_let_the_load_balancer_past() {
    let main = "from fastapi import FastAPI\nfrom starlette.middleware.base import BaseHTTPMiddleware\n\napp = FastAPI()\napp.add_middleware(HTTPSRedirectMiddleware)\napp.add_middleware(TrustedHostMiddleware, allowed_hosts=[\"*.replit.app\", \"localhost\"])\napp.add_middleware(TrustedHostMiddleware, allowed_hosts=[\"*\"])\n\n\n@app.middleware(\"http\")\nasync def keys(request, call_next):\n    if request.url.path.startswith(\"/api\") and request.headers.get(\"x-api-key\") != KEY:\n        return JSONResponse({}, status_code=401)\n    return await call_next(request)\n\n\n@app.middleware(\"http\")\nasync def timed(request, call_next):\n    return await call_next(request)\n\n\nclass Login(BaseHTTPMiddleware):\n    async def dispatch(self, request, call_next):\n        return RedirectResponse(\"/login\")\n";
    let (after, items) = edited("health", &[("main.py", main)]);
    let line = |mark: &str| after["main.py"].lines().position(|line| line.contains(mark)).unwrap() + 1;
    let told = |mark: &str, what: &str| format!("main.py:{} {what}", line(mark));
    let starts = [
        told("HTTPSRedirectMiddleware)", "HTTPSRedirectMiddleware answers /api/health with 307"),
        told("*.replit.app", "TrustedHostMiddleware answers /api/health with 400"),
        told("@app.middleware", "let /api/health past this: the load balancer has no login"),
        told("class Login", "let /api/health past this: the load balancer asks the task itself"),
    ];
    assert_eq!(items.len(), starts.len(), "{items:#?}");
    for (item, start) in items.iter().zip(starts) {
        assert!(item.starts_with(&start), "{start}: {item}");
    }
    // and its list of hosts is a finding, as Django's is
    let app = crate::app::fixture::App::new(&[("main.py", main), ("requirements.txt", "fastapi\n")]);
    let found: Vec<_> = app.scan().findings.into_iter().filter(|finding| finding.signal == "E8").map(|finding| finding.line).collect();
    assert_eq!(found, [Some(6)]);
}
