//! Connecting is as psql's users expect: services, PG* variables, password files and keywords, with authorities built in,
//! a fresh password for each connection where one is needed, at the pace that was set, and no password seen anywhere.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use migrate_wizard::error::{Error, Kind};
use migrate_wizard::postgres::local::{self, LocalServer};
use migrate_wizard::postgres::{Access, Connector, Password, Passwords, dump};

use crate::support::postgres::{block, database, password, sql, value};
use crate::support::wizard::{Done, Wizard};

const PLANTED: &str = "pl4nted-Hk3Wt8";

/// Two databases of one table with the same row, on one server.
struct Two {
    from: Connector,
    to: Connector,
}

impl Two {
    fn new(name: &str) -> Self {
        let two = Self { from: database(name), to: database(name) };
        for side in [&two.from, &two.to] {
            sql(side, "create table items (id int primary key, name text); insert into items values (1, 'one')");
        }
        two
    }

    /// A home folder with a password file for both, and a service `shop` that is the source.
    fn home(&self) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let (host, port, user) = (self.from.host(), self.from.port(), self.from.user());
        let line = format!("{host}:{port}:*:{user}:{}\n", password(&self.from));
        std::fs::write(home.path().join(".pgpass"), line).unwrap();
        std::fs::set_permissions(home.path().join(".pgpass"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let service = format!("# where the shop is\n[shop]\nhost={host}\nport={port}\ndbname={}\nuser={user}\n", self.from.database());
        std::fs::write(home.path().join(".pg_service.conf"), service).unwrap();
        home
    }

    /// The target as libpq's keywords, without a password.
    fn keywords(&self) -> String {
        format!("host = {} port={} dbname='{}' user='{}'", self.to.host(), self.to.port(), self.to.database(), self.to.user())
    }
}

/// The command of a person at `home`.
fn at_home(home: &Path) -> Wizard {
    Wizard::empty().env("HOME", home.to_str().unwrap())
}

#[track_caller]
fn finds_them_equal(done: &Done) {
    assert!(done.code() == 0 && done.out().ends_with("1 row in 1 table: equal\n"), "{}{}", done.out(), done.err());
}

#[test]
fn a_service_a_password_file_and_keywords_are_enough_to_connect() {
    let two = Two::new("service");
    let home = two.home();
    // the source by a service that the shell names, the target by keywords in a variable
    let wizard = at_home(home.path()).env("PGSERVICE", "shop").env("TARGET_DATABASE_URL", &two.keywords());
    finds_them_equal(&wizard.run(&["data", "verify"]));
    // the service in the URL, the target on the command line
    finds_them_equal(&at_home(home.path()).run(&[
        "data",
        "verify",
        "--source",
        "postgresql:///?service=shop",
        "--target",
        &two.keywords(),
    ]));
    // what the URL and the service leave out comes from the PG* variables
    let wizard = at_home(home.path()).env("PGSERVICE", "shop").env("PGPASSFILE", "/nonexistent").env("PGPASSWORD", &password(&two.from));
    let done = wizard.run(&["data", "verify", "--target", &two.to.secret_url()]);
    finds_them_equal(&done);
    // and from PG* variables alone
    let (host, port) = (two.from.host(), two.from.port().to_string());
    let wizard =
        at_home(home.path()).env("PGHOST", host).env("PGPORT", &port).env("PGUSER", two.from.user()).env("PGDATABASE", two.from.database());
    finds_them_equal(&wizard.run(&["data", "verify", "--target", &two.keywords()]));
}

#[test]
fn what_names_no_database_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("services");
    std::fs::write(&file, format!("[shop]\nhost=127.0.0.1\npassword={PLANTED}\nhots=typo\n")).unwrap();
    let file = file.to_str().unwrap();
    let wizard = at_home(home.path()).env("PGSERVICEFILE", file);
    let target = ["data", "verify", "--target", "host=127.0.0.1 port=1"];
    let with = |name: &str, value: &str| Done(wizard.command(&target).env(name, value).output().unwrap());
    let unknown = format!("looked in {file}");
    let typo = format!("{file}, line 4: `hots` is not a keyword of libpq");
    let unquoted = format!("host=127.0.0.1 password={PLANTED} more{PLANTED}");
    let unknown_word = format!("host=127.0.0.1 password={PLANTED} more{PLANTED}=x");
    for (name, value, says) in [
        ("PGSERVICE", "absent", &["there is no service `absent`", unknown.as_str(), "~/.pg_service.conf"][..]),
        ("PGSERVICE", "shop", &["cannot read the service `shop`", &typo, "keyword=value"]),
        ("PGHOST", "a,b", &["cannot read the variable PGHOST", "several hosts"]),
        ("SOURCE_DATABASE_URL", &unquoted, &["in SOURCE_DATABASE_URL", "after `password` stands a word without `=`", "single quotes"]),
        ("SOURCE_DATABASE_URL", &unknown_word, &["after `password` stands a setting whose name libpq does not know"]),
        ("SOURCE_DATABASE_URL", "postgres://h/d?sslrootcert=system&sslmode=prefer", &["too weak for sslrootcert=system", "verify-full"]),
    ] {
        let mut done = with(name, value).expect(2).says("next: ");
        for word in says {
            done = done.says(word);
        }
        assert!(!done.err().contains(PLANTED), "{name}={value}: {}", done.err());
    }
    // a source that nobody names, and a variable that was asked for and is not there although PGHOST is
    Done(wizard.command(&target).output().unwrap()).expect(2).says("SOURCE_DATABASE_URL is not set").says("PGSERVICE");
    let asked = [&target[..], &["--source-env", "SHOP_URL"]].concat();
    Done(wizard.command(&asked).env("PGHOST", "127.0.0.1").output().unwrap()).expect(2).says("SHOP_URL is not set");
    Done(wizard.command(&["data", "verify"]).env("PGHOST", "127.0.0.1").output().unwrap()).expect(2).says("TARGET_DATABASE_URL is not set");
}

#[test]
fn a_password_of_the_shell_is_not_sent_to_a_server_that_it_does_not_name() {
    // given a server that writes down what it is sent, and a shell whose PGPASSWORD is for another one
    let stranger = Login::start(&[Answer::Welcome]);
    let home = tempfile::tempdir().unwrap();
    let url = format!("postgresql://me@{}/shop?sslmode=disable", stranger.at);
    let wizard = at_home(home.path()).env("PGHOST", "db.example.com").env("PGPASSWORD", PLANTED).env("SOURCE_DATABASE_URL", &url);
    // when it is named by a URL without a password
    let done = wizard.run(&["data", "verify", "--target", &url.replace("shop", "other")]).expect(1);
    // then it gets none, and the person hears where one may stand
    done.says("PGPASSWORD counts only for the server that PGHOST or PGSERVICE names");
    assert_eq!(stranger.passwords(), Vec::<String>::new());
}

// --- a password for each connection -----------------------------------------------------------------------------------------------

/// What a [`Login`] says to a password.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Welcome,
    /// As DSQL says it: the token's time is over.
    Expired,
    /// As DSQL says it: the identity lacks the right.
    NoAccess,
}

/// A scripted stand-in for DSQL's door: it asks for a password, writes it down and gives its answers in turn, the last one for ever.
struct Login {
    at: std::net::SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Login {
    fn start(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (at, heard) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let writes = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                Self::serve(stream, answers, &writes);
            }
        });
        Self { at, heard }
    }

    fn serve(mut stream: TcpStream, answers: &[Answer], heard: &Mutex<Vec<String>>) -> Option<()> {
        let message = |tag: u8, body: &[u8]| [&[tag][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat();
        Self::body(&mut stream)?;
        stream.write_all(&message(b'R', &3_u32.to_be_bytes())).ok()?;
        stream.read_exact(&mut [0]).ok()?;
        let password = String::from_utf8_lossy(&Self::body(&mut stream)?).trim_end_matches('\0').to_owned();
        let mut heard = heard.lock().unwrap();
        let answer = answers[heard.len().min(answers.len() - 1)];
        heard.push(password);
        let refusal = |hint: &str| format!("SFATAL\0VFATAL\0C28000\0Munable to accept connection, access denied\0{hint}\0");
        let said = match answer {
            Answer::Welcome => [message(b'R', &0_u32.to_be_bytes()), message(b'Z', b"I")].concat(),
            Answer::Expired => {
                message(b'E', refusal("HSignature expired: 20261127T000000Z is now earlier than 20261127T001500Z\0").as_bytes())
            }
            Answer::NoAccess => message(b'E', refusal("").as_bytes()),
        };
        drop(heard);
        stream.write_all(&said).ok()
    }

    /// What follows a length.
    fn body(stream: &mut TcpStream) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let mut body = vec![0; (u32::from_be_bytes(length) as usize).checked_sub(4)?];
        stream.read_exact(&mut body).ok()?;
        Some(body)
    }

    fn passwords(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn connector(&self) -> Connector {
        Connector::from_url_alone(&format!("postgresql://admin@{}/postgres?sslmode=disable", self.at)).unwrap()
    }
}

/// `pl4nted-…-1`, `-2`, …
fn numbered() -> Passwords {
    let count = Arc::new(AtomicU32::new(0));
    Passwords::new(move || {
        let n = count.fetch_add(1, Ordering::SeqCst) + 1;
        async move { Ok(Password::new(format!("{PLANTED}-{n}"))) }
    })
}

fn fresh(numbers: &[u32]) -> Vec<String> {
    numbers.iter().map(|n| format!("{PLANTED}-{n}")).collect()
}

/// Opens a session that must be refused; the error shows no password.
#[track_caller]
fn refused(connector: &Connector) -> Error {
    let error = block(connector.connect(Access::ReadWrite)).unwrap_err();
    assert!(error.kind == Kind::Denied && !error.to_string().contains(PLANTED), "{error}");
    error
}

#[test]
fn each_connection_gets_a_fresh_password() {
    let door = Login::start(&[Answer::Welcome]);
    let connector = door.connector().with_passwords(numbered());
    for _ in 0..2 {
        block(connector.connect(Access::ReadWrite)).unwrap();
    }
    block(connector.with_user("other").connect(Access::ReadWrite)).unwrap();
    assert_eq!(door.passwords(), fresh(&[1, 2, 3]));
    assert!(!format!("{connector:?} {}", connector.secret_url()).contains(PLANTED));
}

#[test]
fn an_expired_password_is_replaced_once() {
    // it helps
    let door = Login::start(&[Answer::Expired, Answer::Welcome]);
    block(door.connector().with_passwords(numbered()).connect(Access::ReadWrite)).unwrap();
    assert_eq!(door.passwords(), fresh(&[1, 2]));
    // it does not help
    let door = Login::start(&[Answer::Expired]);
    let error = refused(&door.connector().with_passwords(numbered()));
    assert!(error.hint.contains("clock"), "{error}");
    assert_eq!(door.passwords(), fresh(&[1, 2]));
    // a kept one does not become good by being sent again
    let door = Login::start(&[Answer::Expired, Answer::Welcome]);
    refused(&door.connector().with_password(PLANTED));
    assert_eq!(door.passwords(), [PLANTED]);
}

#[test]
fn a_missing_right_is_not_tried_again() {
    let door = Login::start(&[Answer::NoAccess, Answer::Welcome]);
    let error = refused(&door.connector().with_passwords(numbered()));
    assert!(error.hint.contains("dsql:DbConnectAdmin"), "{error}");
    assert_eq!(door.passwords(), fresh(&[1]));
}

#[test]
fn a_password_that_cannot_be_made_is_the_error() {
    let door = Login::start(&[Answer::Welcome]);
    let none = Passwords::new(|| async { Err(Error::new(Kind::Denied, "cannot sign").hint("sign in again")) });
    assert_eq!(refused(&door.connector().with_passwords(none)).what, "cannot sign");
    assert_eq!(door.passwords(), Vec::<String>::new());
}

#[test]
fn a_cluster_without_a_password_asks_for_an_iam_token() {
    let two = Two::new("iam");
    let target = ["data", "verify", "--target", "host=abcdefghijklmnopqrstuvwxyz.dsql.eu-west-1.on.aws"];
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &two.from.secret_url()).env("AWS_REGION", "us-east-1");
    wizard
        .run(&target)
        .expect(1)
        .says("cannot sign a login for abcdefghijklmnopqrstuvwxyz.dsql.eu-west-1.on.aws")
        .says("next:    sign in again");
}

// --- pace and age -----------------------------------------------------------------------------------------------------------------

#[test]
fn connections_are_opened_no_faster_than_was_set() {
    let connector = database("pace").with_rate(20);
    let start = Instant::now();
    block(async {
        let all: Vec<_> = (0..10)
            // a change of what is connected to does not open a second lane
            .map(|n| if n % 2 == 0 { connector.clone() } else { connector.only_reading() })
            .map(|connector| tokio::spawn(async move { connector.connect(Access::ReadOnly).await.map(drop) }))
            .collect();
        for opened in all {
            opened.await.unwrap().unwrap();
        }
    });
    assert!(start.elapsed() >= Duration::from_millis(450), "{:?}", start.elapsed());
}

#[test]
fn a_session_knows_its_age() {
    let connector = database("age");
    block(async {
        let before = Instant::now();
        let session = connector.connect(Access::ReadOnly).await.unwrap();
        session.text("select pg_sleep(0.05)").await.unwrap();
        assert!(session.age() >= Duration::from_millis(50) && session.age() <= before.elapsed());
    });
}

// --- encryption -------------------------------------------------------------------------------------------------------------------

#[test]
fn the_built_in_authorities_are_what_their_comments_say() {
    for name in ["rds.pem", "amazon-roots.pem"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/certificates").join(name)).unwrap();
        let mut seen = 0;
        for part in text.split("# subject ").skip(1) {
            let (comment, certificate) = part.split_once('\n').unwrap();
            let (subject, until) = comment.split_once(", valid until ").unwrap();
            let mut openssl = Command::new("openssl")
                .args(["x509", "-noout", "-subject", "-enddate", "-dateopt", "iso_8601", "-checkend", "0"])
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            openssl.stdin.take().unwrap().write_all(certificate.as_bytes()).unwrap();
            let output = openssl.wait_with_output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{comment}: {said}");
            assert!(said.contains(subject) && said.contains(&format!("notAfter={until} ")), "{comment}: {said}");
            seen += 1;
        }
        assert!(text.contains(&format!("\n# {seen} certificates")), "{name} holds {seen}");
    }
}

#[test]
fn encryption_is_what_was_asked_for_or_the_connection_is_refused() {
    // given a server of its own with a certificate for `localhost`
    let temp = tempfile::tempdir().unwrap();
    std::fs::set_permissions(temp.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let server = block(LocalServer::start(&temp.path().join("server"), &local::Options::default())).unwrap();
    let keys = temp.path().join("keys");
    std::fs::create_dir(&keys).unwrap();
    std::fs::write(keys.join("ext"), "subjectAltName=DNS:localhost\n").unwrap();
    for args in [
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca",
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out server.crt",
    ] {
        let output = Command::new("openssl").args(args.split(' ')).current_dir(&keys).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let data = server.folder().join("data");
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&data).unwrap());
    for name in ["server.key", "server.crt"] {
        let to = data.join(name);
        std::fs::copy(keys.join(name), &to).unwrap();
        std::os::unix::fs::chown(&to, Some(owner), None).unwrap();
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let here = server.connector();
    sql(&here, "alter system set ssl = on");
    sql(&here, "select pg_reload_conf()");
    let until = Instant::now() + Duration::from_secs(10);
    while value(&here, "show ssl") != "on" {
        assert!(Instant::now() < until);
    }
    let url = |host: &str, rest: &str| {
        let url = here.secret_url();
        Connector::from_url(&format!("{}?{rest}", url.split_once('?').unwrap().0.replace("127.0.0.1", host))).unwrap()
    };
    let ca = format!("sslrootcert={}", keys.join("ca.pem").display());
    for (host, rest, good) in [
        ("localhost", "sslmode=require".to_owned(), true),
        ("localhost", "sslmode=verify-ca".to_owned(), false),
        ("localhost", "sslmode=verify-full".to_owned(), false),
        ("localhost", format!("sslmode=verify-full&{ca}"), true),
        ("localhost", format!("sslmode=verify-full&channel_binding=require&{ca}"), true),
        ("127.0.0.1", format!("sslmode=verify-full&{ca}"), false),
        ("127.0.0.1", format!("sslmode=verify-ca&{ca}"), true),
        ("127.0.0.1", format!("sslmode=require&{ca}"), true),
    ] {
        match block(url(host, &rest).connect(Access::ReadOnly)) {
            Ok(_) => {
                assert!(good, "{host} {rest} was let in");
                assert_eq!(value(&url(host, &rest), "select ssl from pg_stat_ssl where pid = pg_backend_pid()"), "t");
            }
            Err(error) => assert!(!good && error.kind == Kind::Denied && error.hint.contains("certificate"), "{host} {rest}: {error}"),
        }
    }
    // an authority of the system is trusted too, besides ours; pg_dump gets both in one file, which goes with it
    let scratch = temp.path().join("tmp");
    std::fs::create_dir(&scratch).unwrap();
    let shop = url("localhost", "sslmode=verify-full").secret_url();
    let wizard = Wizard::empty().env("SOURCE_DATABASE_URL", &shop).env("TMPDIR", scratch.to_str().unwrap());
    let convert = ["schema", "convert", "--target", "rds"];
    wizard.run(&convert).expect(1).says("certificate");
    let trusting = wizard.env("SSL_CERT_FILE", keys.join("ca.pem").to_str().unwrap());
    trusting.run(&convert).expect(0);
    Done(trusting.command(&convert).env("PGSSLROOTCERT", keys.join("server.crt")).output().unwrap()).expect(1).says("certificate");
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
    // a named authority replaces them all, for pg_dump as well
    let dumped = block(dump::schema_only(&url("localhost", &format!("sslmode=verify-full&{ca}")), &[])).unwrap();
    assert!(dumped.contains("PostgreSQL database dump"));
    block(server.destroy()).unwrap();
}
