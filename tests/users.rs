//! Users: who can have an account and who cannot, accounts made once however often it is killed, nobody written to without consent.
//! The table of users stands in a real PostgreSQL, the pool in the emulator; a stand-in tells what was sent, and asks to slow down.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use migrate_wizard::effects::registry;
use migrate_wizard::postgres::Connector;
use migrate_wizard::wizard::effect::{Outputs, Probe};
use serde_json::{Value, json};

use crate::effects::stage::{Run, Stage};
use crate::support::aws_standin::{StandIn, refusal};
use crate::support::emulator::Emulator;
use crate::support::postgres::{block, database, rows, sql, value};
use crate::support::wizard::{Done, Wizard};

/// What is planted stands in every address and name, and must come out nowhere.
const PLANTED: &str = "plantedq7";

/// People by the dozen: two administrators, two without an address, two who share one, the rest as they should be.
fn people(count: usize) -> Connector {
    let source = database("people");
    sql(
        &source,
        &format!(
            "create type role as enum ('citizen', 'admin');
             create table users (id varchar primary key, email varchar, first_name text, last_name text, profile_image_url text, role role not null default 'citizen');
             insert into users select n::text, case n when 8 then 'U7@{PLANTED}.example' else 'u' || n || '@{PLANTED}.example' end, 'First{PLANTED}', 'Last{PLANTED}', null, 'citizen' from generate_series(1, {count}) n;
             update users set role = 'admin' where id in ('3', '4');
             update users set email = null where id = '5';
             update users set email = 'no address {PLANTED}' where id = '6';
             insert into users values ('auth0|x', 'x@{PLANTED}.example')"
        ),
    );
    source
}

fn with_people(wizard: Wizard, source: &Connector) -> Wizard {
    wizard.env("SOURCE_DATABASE_URL", &source.secret_url())
}

#[track_caller]
fn hidden(done: Done) -> Done {
    for said in [done.out(), done.err()] {
        assert!(!said.to_lowercase().contains(PLANTED), "an address or a name is told:\n{said}");
    }
    done
}

fn ask(emulator: &Emulator, operation: &str, body: &Value) -> Value {
    let signed = "AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=0";
    let text = block(async {
        let request = reqwest::Client::new()
            .post(emulator.url())
            .header("authorization", signed)
            .header("x-amz-target", format!("AWSCognitoIdentityProviderService.{operation}"))
            .header("content-type", "application/x-amz-json-1.1");
        request.body(body.to_string()).send().await.unwrap().text().await.unwrap()
    });
    serde_json::from_str(&text).unwrap()
}

/// A pool as the identity stack makes it, as far as users meet it.
fn pool(emulator: &Emulator) -> String {
    let made = ask(
        emulator,
        "CreateUserPool",
        &json!({
            "PoolName": "shop-test",
            "UsernameAttributes": ["email"],
            "AutoVerifiedAttributes": ["email"],
            "UsernameConfiguration": { "CaseSensitive": false },
            "Policies": { "PasswordPolicy": { "MinimumLength": 12, "RequireLowercase": true, "RequireUppercase": true, "RequireNumbers": true, "RequireSymbols": false } },
            "Schema": [{ "Name": "legacy_id", "AttributeDataType": "String", "Mutable": true }],
        }),
    );
    let id = made["UserPool"]["Id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    ask(emulator, "CreateGroup", &json!({ "UserPoolId": id, "GroupName": "admins" }));
    id
}

/// Everybody in a pool: old id, address, verified, status; then who is an administrator.
fn seen(emulator: &Emulator, pool: &str) -> Vec<String> {
    let mut out = Vec::new();
    let line = |user: &Value| {
        let attribute = |name: &str| {
            let all = user["Attributes"].as_array().unwrap();
            all.iter().find(|a| a["Name"] == name).map_or("none", |a| a["Value"].as_str().unwrap()).to_owned()
        };
        let (id, email) = (attribute("custom:legacy_id"), attribute("email"));
        format!("{id} {email} verified {} {}", attribute("email_verified"), user["UserStatus"].as_str().unwrap())
    };
    for (operation, key) in [("ListUsers", "PaginationToken"), ("ListUsersInGroup", "NextToken")] {
        let mut token = Value::Null;
        loop {
            let mut body = json!({ "UserPoolId": pool });
            if operation == "ListUsersInGroup" {
                body["GroupName"] = json!("admins");
            }
            if token.is_string() {
                body[key] = token;
            }
            let page = ask(emulator, operation, &body);
            out.extend(page["Users"].as_array().unwrap().iter().map(|user| format!("{operation} {}", line(user))));
            token = page[key].clone();
            if !token.is_string() {
                break;
            }
        }
    }
    out.sort();
    out
}

#[test]
fn the_check_counts_and_names_ids_alone() {
    let source = people(40);
    let wizard = with_people(Wizard::empty(), &source);
    std::fs::create_dir(wizard.path().join("server")).unwrap();
    std::fs::write(wizard.path().join("package.json"), r#"{ "name": "shop", "dependencies": { "express": "5.1.0" } }"#).unwrap();
    std::fs::write(wizard.path().join("server/storage.ts"), "\nconst ADMIN_USER_IDS = [\"31415926\"];\n").unwrap();
    // ids of the table itself are found in any form
    std::fs::write(wizard.path().join("server/rights.ts"), "// \"auth0|x\"\nif (claims.sub === \"auth0|x\") grant();\n").unwrap();
    let before = rows(&source, "select * from users order by id");

    let told = hidden(wizard.run(&["app", "users", "check"]).expect(1)).out();
    for line in [
        "public.users: 41 users, 39 with an e-mail address\n",
        "  37 can have an account on AWS and keep their ids\n",
        "  40 of the ids are of the shape that Replit gives out\n",
        "  2 administrators by the column role: 3, 4\n",
        "! 2 users without an e-mail address: they cannot be linked to a login elsewhere: 5, 6\n",
        "! one address, upper and lower case aside, for 2 users: 7, 8\n",
        "! ids of users stand in the code: server/storage.ts:2",
    ] {
        assert!(told.contains(line), "{line:?} is missing:\n{told}");
    }
    let json: Value =
        serde_json::from_str(&hidden(wizard.run(&["app", "users", "check", "--json", "--admin", "9"]).expect(1)).out()).unwrap();
    assert_eq!((&json["total"], &json["with_email"], &json["replit_ids"]), (&json!(41), &json!(39), &json!(40)));
    assert_eq!(json["admins"], json!(["3", "4", "9"]));
    assert_eq!(json["same_email"], json!([["7", "8"]]));
    assert_eq!(json["ids_in_code"], json!(["server/rights.ts:2", "server/storage.ts:2"]));
    assert_eq!(rows(&source, "select * from users order by id"), before);

    // nothing to decide: exit code 0
    sql(&source, "delete from users where id in ('5', '6', '8')");
    std::fs::remove_dir_all(wizard.path().join("server")).unwrap();
    hidden(wizard.run(&["app", "users", "check"]).expect(0));

    wizard.run(&["app", "users", "check", "--table", "shops"]).expect(2).says("there is no table shops in this database");
    sql(&source, "drop table users");
    wizard.run(&["app", "users", "check"]).expect(2).says("has no table that looks like one of users").says("name it with --table");
}

#[test]
fn the_export_is_a_file_for_its_owner_alone() {
    let source = people(10);
    sql(&source, "update users set first_name = 'A \"B\", C' where id = '1'");
    let wizard = with_people(Wizard::empty(), &source);
    hidden(wizard.run(&["app", "users", "export", "--out", "users.csv", "--dry-run"]).expect(0));
    let file = wizard.path().join("users.csv");
    assert!(!file.exists());
    hidden(wizard.run(&["app", "users", "export", "--out", "users.csv"]).expect(0));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "cognito:username,email,email_verified,given_name,family_name,picture,custom:legacy_id");
    assert_eq!(lines[1], format!("u3@{PLANTED}.example,u3@{PLANTED}.example,true,First{PLANTED},Last{PLANTED},,3"));
    assert!(text.contains(&format!("u1@{PLANTED}.example,u1@{PLANTED}.example,true,\"A \"\"B\"\", C\",Last{PLANTED},,1\n")), "{text}");
    assert_eq!(lines.len(), 1 + 7, "two without an address, two with the same: {text}");
}

#[test]
fn killed_in_the_middle_and_run_again_ends_equal() {
    let emulator = Emulator::start(&[]);
    let source = people(260);
    let wizard = with_people(Wizard::empty().envs(emulator.env()), &source);
    let (whole, torn) = (pool(&emulator), pool(&emulator));
    let create = |pool: &str| ["app", "users", "create", "--pool"].into_iter().chain([pool]).map(str::to_owned).collect::<Vec<_>>();
    let run = |pool: &str, more: &[&str]| {
        let args = create(pool);
        let all: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
        hidden(wizard.run(&all).expect(0))
    };

    // a pool of one's own without the group of administrators: nobody is made before somebody can be put into it
    let bare = pool(&emulator);
    ask(&emulator, "DeleteGroup", &json!({ "UserPoolId": bare, "GroupName": "admins" }));
    let told = run(&bare, &["--dry-run"]).out();
    assert!(told.contains("! the pool has no group admins for its administrators: nothing is done until it has"), "{told}");
    hidden(wizard.run(&["app", "users", "create", "--pool", &bare]).expect(1))
        .says("has no group admins")
        .says("aws cognito-idp create-group --user-pool-id");
    assert_eq!(ask(&emulator, "ListUsers", &json!({ "UserPoolId": bare }))["Users"], json!([]));

    let rehearsed = run(&whole, &["--dry-run"]).out();
    assert!(rehearsed.contains("+ 257 new accounts of 261 in public.users; nobody is written to"), "{rehearsed}");
    assert_eq!(seen(&emulator, &whole), Vec::<String>::new());
    run(&whole, &[]);

    let args = create(&torn);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut kills = 0;
    loop {
        let before = seen(&emulator, &torn).len();
        let mut child = wizard.spawn(&args);
        let deadline = Instant::now() + Duration::from_secs(60);
        let ended = loop {
            assert!(Instant::now() < deadline, "no account is made");
            if child.try_wait().unwrap().is_some() {
                break true;
            }
            if seen(&emulator, &torn).len() >= before + 40 {
                break false;
            }
        };
        child.kill().unwrap();
        child.wait().unwrap();
        if ended {
            break;
        }
        kills += 1;
    }
    assert!(kills >= 2, "it was killed {kills} times only");
    let told = run(&torn, &[]).out();
    assert!(told.contains("  0 new accounts of 261") && told.contains("257 accounts there"), "{told}");
    assert_eq!(seen(&emulator, &torn), seen(&emulator, &whole));

    let all = seen(&emulator, &whole);
    assert_eq!(all.len(), 257 + 2);
    assert!(all.contains(&format!("ListUsers auth0|x x@{PLANTED}.example verified true CONFIRMED")), "{all:#?}");
    assert!(all.iter().filter(|l| l.starts_with("ListUsers ")).all(|l| l.ends_with(" verified true CONFIRMED")), "{all:#?}");
    let admins: Vec<&String> = all.iter().filter(|l| l.starts_with("ListUsersInGroup")).collect();
    assert!(admins[0].starts_with("ListUsersInGroup 3 ") && admins[1].starts_with("ListUsersInGroup 4 "), "{admins:?}");

    // old ids and new logins, and nothing else, in a file for its owner alone
    let file = wizard.path().join(".migrate-wizard/users.csv");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let mapping = std::fs::read_to_string(&file).unwrap();
    assert!(mapping.starts_with("id,auth_subject\n1,") && !mapping.contains(PLANTED), "{mapping}");
    assert_eq!(mapping.lines().skip(1).map(|l| l.split_once(',').unwrap().1).collect::<BTreeSet<_>>().len(), 257);

    // on the target, never on the source
    let target = database("people_target");
    sql(
        &target,
        "create table users (id varchar primary key, email varchar, auth_subject text unique); insert into users values ('1', 'a@b.c'), ('5', null)",
    );
    let linked = with_people(Wizard::empty().envs(emulator.env()), &source).env("TARGET_DATABASE_URL", &target.secret_url());
    let link = ["app", "users", "link", "--pool", &torn];
    let said = hidden(linked.run(&link).expect(0)).out();
    assert!(said.starts_with("public.users: 1 of 257 accounts belong to a user here, 1 written"), "{said}");
    assert!(hidden(linked.run(&link).expect(0)).out().contains(" 0 written"));
    let subject = mapping.lines().find_map(|l| l.strip_prefix("1,")).unwrap();
    assert_eq!(rows(&target, "select id, auth_subject from users order by id"), [format!("1|{subject}"), "5|NULL".into()]);
    sql(&target, "update users set auth_subject = 'another' where id = '1'");
    linked.run(&link).expect(1).says("another login stands already beside 1 user: 1");
    let source_columns = "select count(*) from information_schema.columns where table_name = 'users'";
    assert_eq!(value(&source, source_columns), "6");
    let turned = with_people(Wizard::empty().envs(emulator.env()), &source).env("TARGET_DATABASE_URL", &source.secret_url());
    turned.run(&link).expect(1).says("the target is the source");
}

/// A pool that says only what its script says: who was made, in which order, with which message action.
fn scripted(mut slow: usize) -> StandIn {
    let mut made: Vec<Value> = Vec::new();
    StandIn::start(move |operation, body| match operation {
        "DescribeUserPool" => {
            (200, json!({ "UserPool": { "Id": "p", "Name": "shop", "SchemaAttributes": [{ "Name": "custom:legacy_id" }] } }))
        }
        "ListUsers" => (200, json!({ "Users": made })),
        "ListUsersInGroup" => (200, json!({ "Users": [] })),
        "AdminCreateUser" if slow > 0 => {
            slow -= 1;
            refusal("TooManyRequestsException", "Too many requests")
        }
        "AdminCreateUser" => {
            let sub = format!("sub-{}", made.len());
            let mut attributes = body["UserAttributes"].as_array().unwrap().clone();
            attributes.push(json!({ "Name": "sub", "Value": sub }));
            let user = json!({ "Username": sub, "Attributes": attributes, "UserStatus": "FORCE_CHANGE_PASSWORD" });
            made.push(user.clone());
            (200, json!({ "User": user }))
        }
        _ => (200, json!({})),
    })
}

/// The old ids of the accounts that were asked for, in their order.
fn ids(standin: &StandIn) -> Vec<String> {
    let id = |body: &Value| {
        body["UserAttributes"].as_array().unwrap().iter().find(|a| a["Name"] == "custom:legacy_id").unwrap()["Value"].clone()
    };
    standin.bodies("AdminCreateUser").iter().map(|body| id(body).as_str().unwrap().to_owned()).collect()
}

#[test]
fn nobody_is_written_to_without_the_typed_consent() {
    let source = people(12);
    let standin = scripted(0);
    let wizard = with_people(Wizard::empty().envs(standin.env()), &source);
    let create = ["app", "users", "create", "--pool", "p"];
    for refused in ["yes", "e-mail 8 people", "e-mail 9 persons"] {
        let args: Vec<&str> = create.iter().copied().chain(["--invite", refused]).collect();
        hidden(wizard.run(&args).expect(2)).says("is no consent to what would be sent").says("write --invite 'e-mail 9 people'");
    }
    assert_eq!(standin.count("AdminCreateUser"), 0);

    // silently: suppressed in every call, and a password that nobody knows, so that "forgot password" works
    hidden(wizard.run(&create).expect(0));
    let made = standin.bodies("AdminCreateUser");
    assert_eq!(made.len(), 9);
    assert!(made.iter().all(|body| body["MessageAction"] == "SUPPRESS"), "{made:#?}");
    let passwords = standin.bodies("AdminSetUserPassword");
    assert!(passwords.len() == 9 && passwords.iter().all(|body| body["Permanent"] == true), "{passwords:#?}");
    let different: BTreeSet<&str> = passwords.iter().map(|body| body["Password"].as_str().unwrap()).collect();
    assert_eq!(different.len(), 9);
    // administrators first
    assert_eq!(ids(&standin)[..2].iter().collect::<BTreeSet<_>>(), BTreeSet::from([&"3".to_owned(), &"4".to_owned()]));
    assert_eq!(standin.count("AdminAddUserToGroup"), 2);

    // with consent: Cognito is left to send, and the temporary password stays
    let standin = scripted(0);
    let wizard = with_people(Wizard::empty().envs(standin.env()), &source);
    let args: Vec<&str> = create.iter().copied().chain(["--invite", "e-mail 9 people"]).collect();
    hidden(wizard.run(&args).expect(0));
    let made = standin.bodies("AdminCreateUser");
    assert!(made.len() == 9 && made.iter().all(|body| body.get("MessageAction").is_none()), "{made:#?}");
    assert_eq!(standin.count("AdminSetUserPassword"), 0);
}

#[test]
fn more_mails_than_the_pool_may_send_are_refused_before_the_first() {
    let source = people(70);
    let standin = scripted(0);
    let wizard = with_people(Wizard::empty().envs(standin.env()), &source);
    let done = wizard.run(&["app", "users", "create", "--pool", "p", "--invite", "e-mail 67 people"]).expect(1);
    hidden(done).says("67 invitations are to be sent, and Cognito by itself sends 50 a day").says("Amazon SES");
    assert_eq!(standin.count("AdminCreateUser"), 0);
}

#[test]
fn a_pool_that_asks_to_slow_down_is_asked_again() {
    let source = people(10);
    let standin = scripted(4);
    let wizard = with_people(Wizard::empty().envs(standin.env()), &source);
    hidden(wizard.run(&["app", "users", "create", "--pool", "p"]).expect(0));
    assert_eq!(standin.count("AdminCreateUser"), 7 + 4);
}

#[test]
fn a_pool_with_nowhere_to_keep_old_ids_is_refused() {
    let source = people(10);
    let standin = StandIn::start(|_, _| (200, json!({ "UserPool": { "Id": "p", "Name": "shop" } })));
    let wizard = with_people(Wizard::empty().envs(standin.env()), &source);
    wizard.run(&["app", "users", "create", "--pool", "p"]).expect(1).says("the user pool p has no attribute custom:legacy_id");
    wizard.run(&["app", "users", "create"]).expect(2).says("no user pool is named").says("name it with --pool");
}

/// What the journal is given (`before`, outputs), what is logged, shown and written below the app's folder: ids and counts.
#[test]
fn the_effect_gives_the_journal_no_address() {
    let emulator = Emulator::start(&[]);
    let source = people(12);
    let stage = Stage::open(Run::Live, Some(emulator.url()), Some(source));
    let pool = pool(&emulator);
    // somebody came by themselves, and an administrator of the pool's own
    let alone = json!([{ "Name": "email", "Value": format!("u9@{PLANTED}.example") }, { "Name": "email_verified", "Value": "true" }]);
    ask(
        &emulator,
        "AdminCreateUser",
        &json!({ "UserPoolId": pool, "Username": format!("u9@{PLANTED}.example"), "UserAttributes": alone, "MessageAction": "SUPPRESS" }),
    );
    let password =
        json!({ "UserPoolId": pool, "Username": format!("u9@{PLANTED}.example"), "Password": "Correct-Horse-9", "Permanent": true });
    ask(&emulator, "AdminSetUserPassword", &password);
    let given = seen(&emulator, &pool);
    let effect = registry().build("users", json!({ "pool": pool, "mail": "nobody", "admins": "9" })).unwrap();
    let before = stage.run(effect.before(&stage.world)).unwrap();
    let preview = stage.run(effect.preview(&stage.world)).unwrap();
    let outputs = stage.run(effect.apply(&stage.world, &stage.context(before.clone()))).unwrap();
    assert_eq!(serde_json::to_value(&outputs).unwrap(), json!({ "accounts": 9, "left_out": 4 }));
    assert_eq!(stage.run(effect.probe(&stage.world)).unwrap(), Probe::Present(outputs.clone()));
    assert_eq!(seen(&emulator, &pool).iter().filter(|l| l.starts_with("ListUsersInGroup")).count(), 3);
    let told = format!("{before:?} {preview:?} {outputs:?} {:?} {:?}", stage.log.lock().unwrap(), stage.files());
    assert!(told.contains("1 account with the same verified address get the old id") && told.contains("auth_subject"), "{told}");
    assert!(!told.to_lowercase().contains(PLANTED), "an address or a name is told: {told}");

    // back: those who were there stay as they were, the others are gone
    for _ in 0..2 {
        stage.run(effect.undo(&stage.world, &stage.context(before.clone()), &Outputs::new())).unwrap();
        assert_eq!(seen(&emulator, &pool), given);
    }
    assert_eq!(stage.run(effect.probe(&stage.world)).unwrap(), Probe::Absent);
}
