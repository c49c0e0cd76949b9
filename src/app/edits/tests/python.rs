//! What apps in Python need besides: Celery's Redis, asyncpg's TLS, their own address, a model's key.

use super::*;

#[test]
fn celery_is_told_what_it_wants_of_an_address_with_tls() {
    let settings = "from decouple import config\n\nCELERY_BROKER_URL = config(\"REDIS_URL\", default=\"redis://localhost:6379/0\")\nCELERY_RESULT_BACKEND = CELERY_BROKER_URL\n";
    let (_, items) = edited("redis-tls", &[("site1/settings.py", settings)]);
    assert_eq!(items.len(), 1, "{items:?}");
    assert!(
        items[0].starts_with("site1/settings.py:3 Celery takes rediss:// only") && items[0].contains("?ssl_cert_reqs=CERT_REQUIRED"),
        "{items:?}"
    );
    let worker = "import os\nfrom celery import Celery\n\n# REDIS_URL\nurl = os.environ[\"REDIS_URL\"]\napp = Celery(\"a\", broker=url)\n";
    let (_, items) =
        edited("redis-tls", &[("tasks.py", worker), ("cache.py", "import redis\nr = redis.from_url(os.environ[\"REDIS_URL\"])\n")]);
    assert!(items.len() == 1 && items[0].starts_with("tasks.py:5 Celery"), "{items:?}");
    for settled in [
        format!("{settings}CELERY_BROKER_USE_SSL = {{\"ssl_cert_reqs\": ssl.CERT_REQUIRED}}\n"),
        settings.replace("REDIS_URL\"", "REDIS_URL\") + \"?ssl_cert_reqs=none\"; x = (\""),
    ] {
        assert_eq!(edited("redis-tls", &[("site1/settings.py", &settled)]).1, [] as [String; 0], "{settled}");
    }
    let client = "import redis\na = redis.Redis(host=os.environ.get(\"REDIS_HOST\", \"localhost\"), port=6379)\nb = redis.Redis(host=H, password=P)\n";
    let (_, items) = edited("redis-tls", &[("a.py", client)]);
    assert!(items[0].ends_with("== \"true\", and the password: password=os.environ.get(\"REDIS_PASSWORD\")"), "{items:?}");
    assert!(items[1].ends_with("ssl=os.environ.get(\"REDIS_TLS\") == \"true\""), "{items:?}");
}

#[test]
fn asyncpg_is_given_no_sslmode() {
    let code = "import os\n\nURL = os.environ[\"DATABASE_URL\"].replace(\"postgresql://\", \"postgresql+asyncpg://\").replace(\"?sslmode=require\", \"\")\nengine = create_async_engine(URL)\n";
    let (_, items) = edited("database-tls", &[("db.py", code)]);
    assert!(items.len() == 1 && items[0].starts_with("db.py:3 take sslmode out of the address here"), "{items:?}");
    for settled in [
        code.replace("create_async_engine(URL)", "create_async_engine(URL, connect_args={\"ssl\": context})"),
        code.replace("engine =", "URL = re.sub(r\"[?&]sslmode=[^&]+\", \"\", URL)\nengine ="),
        code.replace("+asyncpg", "+psycopg"),
    ] {
        assert_eq!(edited("database-tls", &[("db.py", &settled)]).1, [] as [String; 0], "{settled}");
    }
}

#[test]
fn an_address_at_the_top_of_a_module_keeps_no_app_from_starting() {
    let code = "import os\nURL = \"https://a.replit.app\"\nFROM = os.environ.get(\"FROM\", \"noreply@acme-crm.replit.app\")\nHOST = \"acme-crm.replit.app\"\n";
    let (after, items) = edited("hosts", &[("a.py", code)]);
    assert_eq!(after["a.py"], code.replace("\"https://a.replit.app\"", "os.environ.get(\"APP_URL\", \"http://localhost:5000\")"));
    assert!(items[0].starts_with("a.py:3 put a sender here that the mail provider has verified"), "{items:?}");
    assert!(items[1].starts_with("a.py:4 put the app's new address here"), "{items:?}");
}

#[test]
fn the_key_of_a_client_is_the_one_that_the_code_reads() {
    let told = |given: &str| {
        let (_, items) =
            edited("openai-key", &[("ai.py", &format!("import os\nfrom openai import AsyncOpenAI\n\nopenai = AsyncOpenAI({given})\n"))]);
        items.into_iter().map(|item| item.rsplit_once("stand-in: ").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        told(
            "\n    api_key=os.environ.get(\"AI_INTEGRATIONS_OPENAI_API_KEY\"),\n    base_url=os.environ.get(\"AI_INTEGRATIONS_OPENAI_BASE_URL\"),\n"
        ),
        ["api_key=os.environ.get(\"AI_INTEGRATIONS_OPENAI_API_KEY\") or \"not-set\""]
    );
    assert_eq!(told("base_url=\"https://x\""), ["api_key=os.environ.get(\"OPENAI_API_KEY\") or \"not-set\""]);
    assert_eq!(told("api_key=settings.key"), ["api_key=settings.key or \"not-set\""]);
    assert_eq!(told("\n    api_key=os.environ.get(\"KEY\") or \"not-set\",\n"), [] as [String; 0]);
}
