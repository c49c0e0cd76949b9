//! The files of the ten miniatures as somebody has them who runs them on a bare machine: each container starts one program,
//! each build has what it asks for, the database beside it can be spoken to, and what gets no container is told.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_yaml_ng::Value;

use super::super::support::wizard::{Done, Wizard};
use super::apps::{put, read};
use super::{has, root};

/// A copy of one of `tests/apps`.
fn miniature(name: &str) -> Wizard {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &to);
            } else {
                std::fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let wizard = Wizard::empty();
    copy(&root().join("tests/apps").join(name), wizard.path());
    wizard
}

fn made(name: &str) -> (Wizard, Done) {
    let wizard = miniature(name);
    let done = wizard.run(&["app", "container"]).expect(0);
    (wizard, done)
}

fn compose(wizard: &Wizard) -> Value {
    let text = read(wizard, "docker-compose.yml");
    serde_yaml_ng::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn notes(done: &Done) -> Vec<String> {
    done.err().lines().filter_map(|line| line.strip_prefix("note: ").map(str::to_owned)).collect()
}

#[track_caller]
fn told(done: &Done, note: &str) {
    assert!(notes(done).iter().any(|line| line == note), "no note {note:?} in {:#?}", notes(done));
}

/// What blocks and is answered by `app prepare` is told before an image is built of it, and no more once it is answered.
#[test]
fn code_that_app_prepare_answers_is_told_first() {
    for name in ["flask-auth", "fastapi"] {
        let (_, done) = made(name);
        assert!(
            done.err().contains("run `app prepare` first, for this code cannot work outside Replit as it is: "),
            "{name}: {}",
            done.err()
        );
    }
    let plain = Wizard::empty();
    put(&plain, "package.json", r#"{"name":"a","scripts":{"start":"node index.js"},"dependencies":{"express":"5","better-sqlite3":"12"}}"#);
    put(&plain, "index.js", "require('express')().listen(process.env.PORT || 3000);\n");
    let done = plain.run(&["app", "container", "--stdout"]).expect(0);
    assert!(!done.err().contains("app prepare"), "{}", done.err());
    has(&done.out(), &[" && node -e \"new (require('better-sqlite3'))(':memory:')\"", "**/migrate-out", "**/.nuxt"]);
}

#[test]
fn a_build_that_loads_the_code_gets_every_name_that_it_reads_and_the_image_none() {
    let wizard = miniature("nextjs");
    put(
        &wizard,
        "app/api/pay/route.ts",
        "const stripe = new Stripe(process.env.STRIPE_SECRET_KEY!);\nif (!process.env.TOKEN_SALT) throw new Error(\"x\");\nconst a = process.env.WITH_DEFAULT ?? \"a\";\nconst b = process.env.NODE_ENV === \"production\";\nconst c = process.env.NEXT_PUBLIC_NAME;\n",
    );
    wizard.run(&["app", "container"]).expect(0);
    let text = read(&wizard, "Dockerfile");
    has(
        &text,
        &[
            "RUN export DATABASE_URL=postgresql://build:build@127.0.0.1:5432/build \\",
            "      LIVE_DATABASE_URL=postgresql://build:build@127.0.0.1:5432/build \\",
            "      STRIPE_SECRET_KEY=sk_test_placeholder \\",
            "      SUPABASE_ANON_KEY=placeholder-for-the-build-only-0000 \\",
            "      SUPABASE_URL=http://localhost:3000 \\",
            "      TOKEN_SALT=placeholder-for-the-build-only-0000 \\",
            " && npm run build \\",
            "ARG NEXT_PUBLIC_NAME",
        ],
    );
    let (_, image) = text.split_once("FROM base AS run").unwrap();
    assert!(!image.contains("placeholder") && !image.contains("STRIPE") && !text.contains("WITH_DEFAULT="), "{text}");
    // no framework here runs the code while it is built
    let (express, _) = made("bullmq-worker");
    assert!(!read(&express, "Dockerfile.web").contains("export "));
}

#[test]
fn each_program_of_a_start_script_has_a_container_of_its_own() {
    let (wizard, done) = made("bullmq-worker");
    for (service, command) in [("web", "dist/server.js"), ("worker", "dist/worker.js"), ("mailer", "dist/mailer.js")] {
        let file = read(&wizard, &format!("Dockerfile.{service}"));
        let last = file.trim_end().rsplit('\n').next().unwrap().to_owned();
        assert_eq!(last, format!("CMD [\"node\", \"{command}\"]"), "{service}");
    }
    told(&done, "start.sh:3 starts redis-server: on AWS it is ElastiCache, in docker-compose.yml the service redis; the image starts none");
    let services =
        compose(&wizard)["services"].as_mapping().unwrap().keys().map(|k| k.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(services, ["db", "mailer", "redis", "web", "worker"].map(str::to_owned).into());
}

#[test]
fn what_gets_no_container_is_told_with_where_it_goes() {
    let (_, done) = made("artifacts");
    told(
        &done,
        "portal is files alone (built with `BASE_PATH=/ PORT=5173 pnpm --filter @workspace/portal run build`, artifacts/portal/dist/public): it goes to S3 and CloudFront, and gets no container",
    );
    let (wizard, done) = made("nx-nest");
    told(
        &done,
        "console is files alone (built with `npx nx build console`, dist/apps/console): it goes to S3 and CloudFront, and gets no container",
    );
    told(&done, "a workflow of .replit starts tools/feed.py, which is not there: no service is made of it");
    let listed = wizard.run(&["app", "container", "--json"]).expect(0);
    let listed: serde_json::Value = serde_json::from_str(&listed.out()).unwrap();
    assert!(listed["notes"].as_array().unwrap().iter().any(|note| note.as_str().unwrap().starts_with("console is files alone")));
    // nothing but files: the refusal says where they go
    let site = Wizard::empty();
    put(
        &site,
        ".replit",
        "modules = [\"nodejs-22\"]\n[deployment]\ndeploymentTarget = \"static\"\nbuild = [\"npm\", \"run\", \"build\"]\npublicDir = \"dist\"\n",
    );
    put(&site, "package.json", r#"{"name":"s","scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}"#);
    site.run(&["app", "container"]).expect(2).says("web is files alone (built with `npm run build`, dist): it goes to S3 and CloudFront");
}

#[test]
fn runtimes_that_get_no_fixes_and_packages_that_nobody_declares_are_told() {
    let (wizard, done) = made("classic-kv-js");
    let says = "Node 18 gets no fixes since 2025-04-30";
    assert!(notes(&done).iter().any(|note| note.starts_with(says) && note.contains("--runtime 22")), "{:?}", notes(&done));
    has(&read(&wizard, "Dockerfile"), &["# Node 18 gets no fixes since 2025-04-30: raise it in the app, then here"]);
    let newer = wizard.run(&["app", "container", "--runtime", "22", "--stdout"]).expect(0);
    assert!(!newer.err().contains("no fixes") && newer.out().contains("# Node 22 gets fixes until 2027-04-30"), "{}", newer.err());
    let (_, done) = made("bullmq-worker");
    told(
        &done,
        "src/server.ts:2 imports 'express-rate-limit', which package.json does not declare: the image would fail, while it is built or when it starts",
    );
    let undeclared = |name: &str| notes(&made(name).1).into_iter().filter(|note| note.contains("does not declare")).collect::<Vec<_>>();
    for name in ["classic-kv", "classic-kv-js", "fastapi"] {
        assert_eq!(undeclared(name), [] as [String; 0], "{name}");
    }
}

#[test]
fn the_file_of_names_may_be_copied_as_it_is_and_your_own_values_count() {
    let (wizard, _) = made("bullmq-worker");
    let example = read(&wizard, ".env.example");
    has(&example, &["STRIPE_SECRET_KEY=", "#DATABASE_URL=", "#REDIS_URL="]);
    let stripe = &compose(&wizard)["services"]["web"]["environment"]["STRIPE_SECRET_KEY"];
    // an empty line of .env is no value for `:-`
    assert_eq!(stripe, "${STRIPE_SECRET_KEY:-sk_test_placeholder}");
    assert!(compose(&wizard)["services"]["worker"]["environment"]["PORT"].is_null());
}

/// The certificate that the database of docker-compose.yml makes for itself: by its own line, trusted by what the app is given.
#[test]
fn a_database_that_is_asked_for_tls_has_it() {
    let (wizard, _) = made("nx-nest");
    let compose = compose(&wizard);
    let (app, db) = (&compose["services"]["backend"], &compose["services"]["db"]);
    assert_eq!(app["environment"]["NODE_EXTRA_CA_CERTS"], "/certificates/db.pem");
    assert_eq!((&app["volumes"][0], &db["volumes"][1]), (&"certificates:/certificates:ro".into(), &"certificates:/certificates".into()));
    assert!(compose["volumes"].as_mapping().unwrap().contains_key("certificates"));
    let line = db["command"][2].as_str().unwrap();
    assert!(
        line.ends_with("&& exec docker-entrypoint.sh postgres -c ssl=on -c ssl_cert_file=/certificates/db.pem -c ssl_key_file=/tmp/db.key")
    );
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (folder.path().join("db.key"), folder.path().join("db.pem"));
    let made = line.split(" && chown").next().unwrap();
    let made = made.replace("/tmp/db.key", key.to_str().unwrap()).replace("/certificates/db.pem", certificate.to_str().unwrap());
    let done = Command::new("sh").args(["-c", &made]).output().unwrap();
    assert!(done.status.success(), "{made}\n{}", String::from_utf8_lossy(&done.stderr));
    let script = "const tls = require('tls'), fs = require('fs'); const [key, cert] = process.argv.slice(1).map(f => fs.readFileSync(f)); \
        const server = tls.createServer({ key, cert }, s => s.end()).listen(0, '127.0.0.1', () => { \
        const c = tls.connect({ host: '127.0.0.1', port: server.address().port, servername: 'db' }, () => { console.log(c.authorized); process.exit(0); }); \
        c.on('error', e => { console.log(e.code); process.exit(0); }); });";
    let answer = |trusted: bool| {
        let mut node = Command::new("node");
        node.args(["-e", script]).args([&key, &certificate]).env_remove("NODE_EXTRA_CA_CERTS");
        if trusted {
            node.env("NODE_EXTRA_CA_CERTS", &certificate);
        }
        String::from_utf8(node.output().unwrap().stdout).unwrap().trim().to_owned()
    };
    assert_eq!((answer(true).as_str(), answer(false).as_str()), ("true", "DEPTH_ZERO_SELF_SIGNED_CERT"));
    // where the code asks for none, there is none
    let (plain, _) = made_plain();
    assert!(plain["services"]["db"]["command"].is_null() && plain["services"]["web"]["volumes"].is_null());
}

fn made_plain() -> (Value, Done) {
    let (wizard, done) = made("bullmq-worker");
    (compose(&wizard), done)
}

#[test]
fn two_folders_are_one_too_many() {
    let (one, other) = (miniature("fastapi"), miniature("nextjs"));
    let (here, there) = (one.path().to_str().unwrap(), other.path().to_str().unwrap());
    for command in
        [&["app", "scan"][..], &["app", "container"], &["app", "env"], &["app", "pipeline", "--provider", "github"], &["app", "prepare"]]
    {
        let refused = one.run(&[command, &[here, "--dir", there]].concat()).expect(2);
        refused.says("two folders are named").says("name the app's folder once");
        assert!(!Path::new(here).join("Dockerfile").exists() && !Path::new(there).join("Dockerfile").exists());
    }
    one.run(&["app", "scan", here, "--dir", here]).expect(0);
}
