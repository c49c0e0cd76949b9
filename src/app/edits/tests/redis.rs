//! Clients of Redis by host and port.

use super::*;

const TLS: &str = "tls: process.env.REDIS_TLS === \"true\" ? {} : undefined";

/// The file after the edit, and what is left to a person in it.
#[track_caller]
fn after(text: &str) -> (String, Vec<String>) {
    let (mut after, items) = edited("redis-tls", &[("server/queue.ts", text)]);
    (after.remove("server/queue.ts").unwrap(), items)
}

#[test]
fn clients_by_host_speak_tls_where_the_environment_says_so() {
    for (given, then) in [
        (
            "import Redis from \"ioredis\";\nexport const redis = new Redis({ host: process.env.REDIS_HOST, port: 6379 });\n",
            format!("import Redis from \"ioredis\";\nexport const redis = new Redis({{ host: process.env.REDIS_HOST, port: 6379, {TLS} }});\n"),
        ),
        (
            "import { Redis as Cache } from \"ioredis\";\r\nconst c = new Cache({\r\n  host: config.redis.host,\r\n  password: secret,\r\n  lazyConnect: true,\r\n});\r\n",
            format!("import {{ Redis as Cache }} from \"ioredis\";\r\nconst c = new Cache({{\r\n  host: config.redis.host,\r\n  password: secret,\r\n  {TLS},\r\n  lazyConnect: true,\r\n}});\r\n"),
        ),
        (
            "import { Worker } from \"bullmq\";\nnew Worker(\"mail\", send, { connection: { host: process.env.REDIS_HOST || \"localhost\", port } });\n",
            format!("import {{ Worker }} from \"bullmq\";\nnew Worker(\"mail\", send, {{ connection: {{ host: process.env.REDIS_HOST || \"localhost\", port, {TLS} }} }});\n"),
        ),
        (
            "import { Queue } from \"bullmq\";\nconst connection: ConnectionOptions = { host: process.env[\"REDIS_HOST\"]! };\nnew Queue(\"mail\", { connection });\n",
            format!("import {{ Queue }} from \"bullmq\";\nconst connection: ConnectionOptions = {{ host: process.env[\"REDIS_HOST\"]!, {TLS} }};\nnew Queue(\"mail\", {{ connection }});\n"),
        ),
        (
            "const Bull = require('bull');\nmodule.exports = new Bull('mail', { redis: { host: process.env.REDIS_HOST } });\n",
            "const Bull = require('bull');\nmodule.exports = new Bull('mail', { redis: { host: process.env.REDIS_HOST, tls: process.env.REDIS_TLS === 'true' ? {} : undefined } });\n".to_owned(),
        ),
        (
            "import { createClient } from \"redis\";\nexport const c = createClient({ socket: { host: process.env.REDIS_HOST, port: 6379 }, password: p });\n",
            "import { createClient } from \"redis\";\nexport const c = createClient({ socket: { host: process.env.REDIS_HOST, port: 6379, ...(process.env.REDIS_TLS === \"true\" ? { tls: true as const } : {}) }, password: p });\n".to_owned(),
        ),
    ] {
        assert_eq!(after(given), (then, Vec::new()));
    }
    let nest = "import { BullModule } from \"@nestjs/bullmq\";\nexport const queue = BullModule.forRootAsync({ useFactory: (config) => ({ connection: { host: config.get(\"REDIS_HOST\") } }) });\n";
    let (after, _) = edited("redis-tls", &[("src/app.module.ts", nest), ("src/job.ts", "import { Job } from \"bullmq\";\n")]);
    assert!(after["src/app.module.ts"].contains(&format!("config.get(\"REDIS_HOST\"), {TLS} }}")), "{after:?}");
    let common =
        "const { createClient } = require(\"redis\");\nmodule.exports = createClient({ socket: { host: process.env.REDIS_HOST } });\n";
    assert!(
        one("redis-tls", "queue.js", common)
            .contains("host: process.env.REDIS_HOST, ...(process.env.REDIS_TLS === \"true\" ? { tls: true } : {}) }")
    );
}

#[test]
fn other_clients_and_those_that_are_settled_stay() {
    for given in [
        "import Redis from \"ioredis\";\nnew Redis(process.env.REDIS_URL);\n",
        "import Redis from \"ioredis\";\nnew Redis({ host: process.env.REDIS_HOST, tls: {} });\n",
        "import Redis from \"ioredis\";\nnew Redis({ host: \"localhost\", port: 6379 });\n",
        "import Redis from \"ioredis\";\nimport mailer from \"nodemailer\";\nmailer.createTransport({ host: process.env.SMTP_HOST });\nnew Redis();\n",
        "import { createClient } from \"redis\";\ncreateClient({ url: process.env.REDIS_URL });\n",
        "import pg from \"pg\";\n// beside redis\nnew pg.Pool({ host: process.env.PGHOST });\n",
    ] {
        assert_eq!(after(given), (given.to_owned(), Vec::new()));
    }
    // with a Redis of one's own nothing is known of its TLS
    let own = "import Redis from \"ioredis\";\nnew Redis({ host: process.env.REDIS_HOST });\n";
    for (decided, changes) in [("none", false), ("valkey", true)] {
        let (after, _) = with(&[("cache", decided)], &[("server/queue.ts", own)]);
        assert_eq!(after["server/queue.ts"] != own, changes, "{decided}");
    }
}

#[test]
fn what_is_not_plain_is_left_with_its_line() {
    for (given, place) in [
        (
            "import Redis from \"ioredis\";\n\nnew Redis({ ...base, host: process.env.REDIS_HOST });\n",
            "server/queue.ts:3 give this client of Redis TLS: tls:",
        ),
        (
            "import Redis from \"ioredis\";\nnew Redis(Number(process.env.REDIS_PORT), process.env.REDIS_HOST!);\n",
            "server/queue.ts:2 give this client of Redis TLS: {",
        ),
        ("export const redis = {\n  host: process.env.REDIS_HOST,\n};\n", "server/queue.ts:1 give this client of Redis TLS: tls:"),
        ("export const url = `redis://${process.env.REDIS_HOST}:6379`;\n", "server/queue.ts:1 redis:// speaks no TLS"),
    ] {
        let (text, items) = after(given);
        assert_eq!(text, given);
        assert!(items.len() == 1 && items[0].starts_with(place), "{items:?}");
    }
    let python = "import os\nimport redis\n\nok = redis.Redis(host=os.environ[\"REDIS_HOST\"], ssl=True)\nother = redis.from_url(os.environ[\"REDIS_URL\"])\nr = redis.Redis(\n    host=os.environ[\"REDIS_HOST\"],\n    port=int(os.environ[\"REDIS_PORT\"]),\n)\nurl = f\"redis://{os.environ['REDIS_HOST']}\"\n";
    let (after, items) = edited("redis-tls", &[("app.py", python), ("mail.py", "r = Redis(host=x)\n")]);
    assert_eq!(after["app.py"], python);
    assert_eq!(items.len(), 2, "{items:?}");
    assert!(
        items[0].starts_with("app.py:6 give this client of Redis TLS: ssl=") && items[1].starts_with("app.py:10 redis:// speaks no TLS"),
        "{items:?}"
    );
}
