//! Services: migrations first and once, an image by its digest, following, going back, and what is said of it.
//! ECS, CloudWatch Logs and the load balancer are scripted stand-ins: the emulator runs no task, is steady at once and keeps no history of
//! deployments. Simulated: placing and running tasks. The last test deploys on the emulator.

use std::sync::{Arc, Mutex};

use migrate_wizard::cloud::once::{self, Known, Once};
use migrate_wizard::cloud::{deployments, services, tasks};
use migrate_wizard::error::Kind;
use migrate_wizard::progress::{Note, Reporter};
use serde_json::{Value, json};

use crate::support::aws_standin::{Answer, StandIn, refusal};
use crate::support::emulator::Emulator;
use crate::support::postgres::block;
use crate::support::wizard::Wizard;

const REPOSITORY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web";

/// What a new revision does when the service gets it.
#[derive(Clone, Copy, PartialEq)]
enum Comes {
    Up,
    /// It fails and ECS goes back by itself.
    DownAndBack,
    /// It fails, and nobody but us goes back.
    Down,
}

/// ECS with one cluster `shop` and one service `web`.
struct Ecs {
    /// Containers and tags; the first is revision 1.
    definitions: Vec<(Value, Value)>,
    runs: usize,
    wanted: usize,
    desired: i64,
    comes: Comes,
    looks: usize,
    exit_code: i64,
    tasks: Vec<Value>,
    tokens: Vec<(String, usize)>,
    history: Vec<(usize, &'static str)>,
    /// A call of RunTask starts its task, and the answer is lost.
    lose_answer: bool,
    load_balancer: String,
}

fn arn(revision: usize) -> String {
    format!("arn:aws:ecs:us-east-1:123456789012:task-definition/web:{revision}")
}

impl Ecs {
    fn new() -> Self {
        let container = json!({ "name": "web", "image": format!("{REPOSITORY}@sha256:01"), "essential": true,
            "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "/shop/web", "awslogs-stream-prefix": "web", "awslogs-region": "us-east-1" } } });
        Self {
            definitions: vec![(json!([container]), json!([]))],
            runs: 1,
            wanted: 1,
            desired: 2,
            comes: Comes::Up,
            looks: 0,
            exit_code: 0,
            tasks: Vec::new(),
            tokens: Vec::new(),
            history: Vec::new(),
            lose_answer: false,
            load_balancer: String::new(),
        }
    }

    fn revision(name: &str) -> Option<usize> {
        name.rsplit(':').next()?.parse().ok()
    }

    fn definition(&self, revision: usize) -> Value {
        json!({ "taskDefinitionArn": arn(revision), "family": "web", "revision": revision, "containerDefinitions": self.definitions[revision - 1].0, "cpu": "256", "memory": "512" })
    }

    fn service(&mut self) -> Value {
        let is_new = self.wanted != self.runs;
        self.looks += 1;
        if is_new && self.comes == Comes::Up && self.looks > 2 {
            self.history.insert(0, (self.wanted, "SUCCESSFUL"));
            self.runs = self.wanted;
        }
        if is_new && self.comes == Comes::DownAndBack && self.looks > 2 {
            self.history.insert(0, (self.wanted, "ROLLBACK_SUCCESSFUL"));
            self.wanted = self.runs;
        }
        let is_new = self.wanted != self.runs;
        let fails = is_new && self.comes != Comes::Up;
        let (state, running) = if is_new { ("IN_PROGRESS", 0) } else { ("COMPLETED", self.desired) };
        let one = json!({ "id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": arn(self.wanted), "desiredCount": self.desired, "runningCount": running, "pendingCount": 0,
            "failedTasks": if fails { 6 } else { 0 }, "rolloutState": state, "rolloutStateReason": if self.comes == Comes::DownAndBack { "ECS deployment circuit breaker: tasks failed to start." } else { "as it should" } });
        let mut service = json!({ "serviceArn": "arn:aws:ecs:us-east-1:123456789012:service/shop/web", "serviceName": "web", "status": "ACTIVE", "taskDefinition": arn(self.wanted),
            "desiredCount": self.desired, "runningCount": running, "pendingCount": 0, "deployments": [one], "launchType": "FARGATE",
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": self.comes == Comes::DownAndBack, "rollback": self.comes == Comes::DownAndBack } },
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED" } },
            "events": [{ "message": format!("(service web) has {running} tasks running") }] });
        if !self.load_balancer.is_empty() {
            service["loadBalancers"] = json!([{ "targetGroupArn": "tg-1", "containerName": "web", "containerPort": 3000 }]);
        }
        service
    }

    fn task(&self, n: usize, body: &Value) -> Value {
        json!({ "taskArn": format!("arn:aws:ecs:us-east-1:123456789012:task/shop/task{n}"), "taskDefinitionArn": body["taskDefinition"], "startedBy": body["startedBy"],
            "lastStatus": "PROVISIONING", "createdAt": n, "overrides": body["overrides"], "containers": [{ "name": "web", "lastStatus": "PENDING" }] })
    }

    fn answer(&mut self, operation: &str, body: &Value) -> Answer {
        match operation {
            "DescribeServices" => (200, json!({ "services": [self.service()], "failures": [] })),
            "DescribeTaskDefinition" => {
                let revision = Self::revision(body["taskDefinition"].as_str().unwrap()).unwrap_or(self.definitions.len());
                if revision == 0 || revision > self.definitions.len() {
                    return refusal("ClientException", "Unable to describe task definition.");
                }
                let mut found = self.definition(revision);
                let named = body["taskDefinition"].as_str().unwrap().rsplit('/').next().unwrap();
                found["family"] = named.split(':').next().unwrap().into();
                (200, json!({ "taskDefinition": found, "tags": self.definitions[revision - 1].1 }))
            }
            "ListTaskDefinitions" => {
                (200, json!({ "taskDefinitionArns": (1..=self.definitions.len()).rev().map(arn).collect::<Vec<_>>() }))
            }
            "RegisterTaskDefinition" => {
                self.definitions.push((body["containerDefinitions"].clone(), body["tags"].clone()));
                (200, json!({ "taskDefinition": self.definition(self.definitions.len()) }))
            }
            "TagResource" => {
                let revision = Self::revision(body["resourceArn"].as_str().unwrap()).unwrap();
                self.definitions[revision - 1].1.as_array_mut().unwrap().extend(body["tags"].as_array().unwrap().clone());
                (200, json!({}))
            }
            "UpdateService" => {
                self.wanted = body["taskDefinition"].as_str().and_then(Self::revision).unwrap_or(self.wanted);
                self.desired = body["desiredCount"].as_i64().unwrap_or(self.desired);
                self.looks = 0;
                (200, json!({ "service": self.service() }))
            }
            "RunTask" => {
                let token = body["clientToken"].as_str().unwrap().to_owned();
                let n = match self.tokens.iter().find(|(known, _)| *known == token) {
                    Some((_, n)) => *n,
                    None => {
                        let n = self.tasks.len();
                        let task = self.task(n, body);
                        self.tasks.push(task);
                        self.tokens.push((token, n));
                        n
                    }
                };
                if std::mem::take(&mut self.lose_answer) {
                    return refusal("ClientException", "the answer was lost");
                }
                (200, json!({ "tasks": [self.tasks[n]], "failures": [] }))
            }
            "ListTasks" if body["startedBy"].is_string() => {
                assert!(body["desiredStatus"].is_null() && body["family"].is_null(), "startedBy stands no other filter: {body}");
                let found = self.tasks.iter().filter(|task| task["startedBy"] == body["startedBy"] && task["lastStatus"] != "STOPPED");
                (200, json!({ "taskArns": found.map(|task| task["taskArn"].clone()).collect::<Vec<_>>() }))
            }
            "ListTasks" => {
                let stopped = body["desiredStatus"] == "STOPPED";
                let found = self.tasks.iter().filter(|task| (task["lastStatus"] == "STOPPED") == stopped && body["serviceName"].is_null());
                (200, json!({ "taskArns": found.map(|task| task["taskArn"].clone()).collect::<Vec<_>>() }))
            }
            "DescribeTasks" => {
                let asked = body["tasks"].as_array().unwrap();
                let found: Vec<Value> = self.tasks.iter().filter(|task| asked.contains(&task["taskArn"])).cloned().collect();
                // each look finds a task one state on
                for task in self.tasks.iter_mut().filter(|task| asked.contains(&task["taskArn"])) {
                    task["lastStatus"] = match task["lastStatus"].as_str().unwrap() {
                        "PROVISIONING" => "RUNNING".into(),
                        _ => "STOPPED".into(),
                    };
                    if task["lastStatus"] == "STOPPED" {
                        task["stoppedReason"] = "Essential container in task exited".into();
                        task["containers"] = json!([{ "name": "web", "exitCode": self.exit_code }]);
                    }
                }
                (200, json!({ "tasks": found, "failures": [] }))
            }
            "ListServiceDeployments" => {
                let one = |(n, (revision, status)): (usize, &(usize, &str))| json!({ "serviceDeploymentArn": format!("d{n}"), "targetServiceRevisionArn": format!("r{revision}"), "status": status, "createdAt": 1_700_000_000 - n });
                (200, json!({ "serviceDeployments": self.history.iter().enumerate().map(one).collect::<Vec<_>>() }))
            }
            "DescribeServiceRevisions" => {
                let one = |asked: &Value| {
                    let revision = asked.as_str().unwrap().trim_start_matches('r').parse().unwrap();
                    json!({ "serviceRevisionArn": asked, "taskDefinition": arn(revision) })
                };
                (200, json!({ "serviceRevisions": body["serviceRevisionArns"].as_array().unwrap().iter().map(one).collect::<Vec<_>>() }))
            }
            "GetLogEvents" => {
                assert_eq!((body["logGroupName"].as_str(), body["logStreamName"].as_str()), (Some("/shop/web"), Some("web/web/task0")));
                let lines = if body["nextToken"].is_null() {
                    json!([{ "timestamp": 1, "message": "applying 0002_orders.sql\n" }])
                } else {
                    json!([])
                };
                (200, json!({ "events": lines, "nextForwardToken": "f/1" }))
            }
            "DescribeImages" => (
                200,
                json!({ "imageDetails": [{ "imageDigest": format!("sha256:{}", body["imageIds"][0]["imageTag"].as_str().unwrap()) }] }),
            ),
            "GET /api/health" => (200, Value::String(r#"{"status":"ok","database":"ok"}"#.into())),
            _ => self.balancer(operation),
        }
    }

    fn balancer(&self, operation: &str) -> Answer {
        let inner = match operation {
            "DescribeTargetGroups" => "<TargetGroups><member><TargetGroupArn>tg-1</TargetGroupArn><HealthCheckPath>/api/health</HealthCheckPath><LoadBalancerArns><member>lb-1</member></LoadBalancerArns></member></TargetGroups>".to_owned(),
            "DescribeTargetHealth" => "<TargetHealthDescriptions><member><Target><Id>10.0.1.7</Id><Port>3000</Port></Target><TargetHealth><State>unhealthy</State><Reason>Target.ResponseCodeMismatch</Reason><Description>Health checks failed with these codes: [503]</Description></TargetHealth></member></TargetHealthDescriptions>".to_owned(),
            "DescribeListeners" => format!("<Listeners><member><ListenerArn>li-1</ListenerArn><Port>{}</Port><Protocol>HTTP</Protocol></member></Listeners>", self.load_balancer.rsplit(':').next().unwrap()),
            "DescribeRules" => "<Rules><member><Actions><member><Type>forward</Type><TargetGroupArn>tg-1</TargetGroupArn></member></Actions><Conditions><member><Field>host-header</Field><HostHeaderConfig><Values><member>shop.example</member></Values></HostHeaderConfig></member></Conditions></member></Rules>".to_owned(),
            "DescribeLoadBalancers" => "<LoadBalancers><member><DNSName>localhost</DNSName></member></LoadBalancers>".to_owned(),
            other => return refusal("UnknownOperationException", other),
        };
        (
            200,
            Value::String(format!(
                "<{operation}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><{operation}Result>{inner}</{operation}Result></{operation}Response>"
            )),
        )
    }
}

fn ecs(change: impl FnOnce(&mut Ecs)) -> (StandIn, Arc<Mutex<Ecs>>) {
    let mut made = Ecs::new();
    change(&mut made);
    let ecs = Arc::new(Mutex::new(made));
    let answering = ecs.clone();
    (StandIn::start(move |operation, body| answering.lock().unwrap().answer(operation, body)), ecs)
}

fn listening() -> (Reporter, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = lines.clone();
    let reporter = Reporter::new(move |note| {
        if let Note::Log(line) = note {
            heard.lock().unwrap().push(line);
        }
    });
    (reporter, lines)
}

fn image(digest: &str) -> String {
    format!("{REPOSITORY}@sha256:{digest}")
}

fn migrations() -> Once {
    Once {
        cluster: "shop".into(),
        service: "web".into(),
        task_definition: arn(1),
        command: vec!["npm".into(), "run".into(), "db:migrate".into()],
        tags: Default::default(),
    }
}

#[test]
fn a_one_off_task_runs_once_in_the_services_network_and_its_log_is_told() {
    let (stand_in, ecs) = ecs(|_| {});
    let (reporter, lines) = listening();
    block(async {
        let aws = stand_in.aws().await;
        assert_eq!(once::known(&aws, &migrations()).await.unwrap().0, Known::Never);
        let ran = once::run(&aws, &migrations(), &reporter).await.unwrap();
        assert!(!ran.already && ran.task.unwrap().succeeded());
        let asked = &stand_in.bodies("RunTask")[0];
        assert_eq!(asked["networkConfiguration"]["awsvpcConfiguration"]["subnets"], json!(["subnet-1"]));
        assert_eq!(asked["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"], json!(["sg-1"]));
        assert_eq!(asked["overrides"]["containerOverrides"][0]["command"], json!(["npm", "run", "db:migrate"]));
        assert_eq!((asked["launchType"].as_str(), asked["startedBy"].as_str().unwrap().len()), (Some("FARGATE"), 36));
        let told = lines.lock().unwrap().clone();
        assert_eq!(told.iter().filter(|line| *line == "web: applying 0002_orders.sql").count(), 1, "{told:?}");

        // by the task that ECS still knows, and an hour later by the revision's tag
        assert!(once::run(&aws, &migrations(), &reporter).await.unwrap().already);
        ecs.lock().unwrap().tasks.clear();
        assert!(once::run(&aws, &migrations(), &reporter).await.unwrap().already);
        assert_eq!(stand_in.count("RunTask"), 1);
        let other = Once { command: vec!["npm".into(), "run".into(), "seed".into()], ..migrations() };
        assert_eq!(once::known(&aws, &other).await.unwrap().0, Known::Never, "another command is another task");
    });
}

#[test]
fn a_lost_answer_starts_no_second_task_and_a_failed_one_is_tried_again() {
    let (stand_in, ecs) = ecs(|ecs| (ecs.lose_answer, ecs.exit_code) = (true, 1));
    block(async {
        let aws = stand_in.aws().await;
        once::run(&aws, &migrations(), &Reporter::silent()).await.unwrap_err();
        let error = once::run(&aws, &migrations(), &Reporter::silent()).await.unwrap_err();
        assert_eq!(ecs.lock().unwrap().tasks.len(), 1, "the task that runs is joined");
        assert_eq!(stand_in.count("RunTask"), 1);
        assert_eq!(error.kind, Kind::Failed);
        assert!(error.causes.iter().any(|cause| cause.contains("web exit code 1")), "{:?}", error.causes);
        assert!(error.causes.iter().any(|cause| cause == "applying 0002_orders.sql"), "its last lines: {:?}", error.causes);
    });
    // its log is that of task0 in this script: only what is started counts here
    ecs.lock().unwrap().definitions[0].0[0]["logConfiguration"] = Value::Null;
    ecs.lock().unwrap().exit_code = 0;
    block(async {
        let aws = stand_in.aws().await;
        assert!(!once::run(&aws, &migrations(), &Reporter::silent()).await.unwrap().already);
        assert_eq!(ecs.lock().unwrap().tasks.len(), 2, "a new attempt is a new task");
    });
}

#[test]
fn a_deployment_names_the_digest_is_followed_and_twice_equals_once() {
    let (stand_in, ecs) = ecs(|_| {});
    block(async {
        let aws = stand_in.aws().await;
        let deploy =
            async || services::deploy_or_back(&aws, "shop", "web", Some(&image("02")), Some(3), &Reporter::silent()).await.unwrap();
        let prepared = services::prepare(&aws, "shop", "web", &image("02")).await.unwrap();
        assert_eq!((prepared.as_str(), stand_in.count("UpdateService")), (arn(2).as_str(), 0), "registered, not used yet");
        let done = deploy().await;
        assert_eq!((done.previous, done.current), (arn(1), arn(2)));
        assert_eq!(deploy().await.current, arn(2));
        assert_eq!((stand_in.count("RegisterTaskDefinition"), stand_in.count("UpdateService")), (1, 1));
    });
    let ecs = ecs.lock().unwrap();
    assert_eq!((ecs.desired, ecs.definitions[1].0[0]["image"].as_str()), (3, Some(image("02").as_str())));
}

#[test]
fn a_deployment_that_fails_goes_back_by_ecs_or_by_us_and_says_which() {
    for (comes, says) in [
        (Comes::DownAndBack, "ECS took the service back to web:1 by itself"),
        (Comes::Down, "the service was put back on web:1, which runs"),
    ] {
        let (stand_in, ecs) = ecs(|ecs| ecs.comes = comes);
        block(async {
            let aws = stand_in.aws().await;
            let error = services::deploy_or_back(&aws, "shop", "web", Some(&image("02")), None, &Reporter::silent()).await.unwrap_err();
            assert_eq!(error.kind, Kind::Failed);
            assert!(error.causes.iter().any(|cause| cause.contains(says)), "{:?}", error.causes);
        });
        let updates = stand_in.count("UpdateService");
        assert_eq!((ecs.lock().unwrap().wanted, updates), (1, if comes == Comes::Down { 2 } else { 1 }));
    }
}

#[test]
fn the_way_back_leads_to_the_last_steady_revision_not_to_the_previous_number() {
    let with_four = |ecs: &mut Ecs| {
        for n in 2..=4 {
            let mut containers = ecs.definitions[0].0.clone();
            containers[0]["image"] = image(&format!("0{n}")).into();
            ecs.definitions.push((containers, json!([])));
        }
        (ecs.runs, ecs.wanted) = (4, 4);
    };
    let (stand_in, _) = ecs(|ecs| {
        with_four(ecs);
        ecs.history = vec![(4, "SUCCESSFUL"), (3, "ROLLBACK_SUCCESSFUL"), (2, "SUCCESSFUL"), (1, "SUCCESSFUL")];
    });
    block(async { assert_eq!(deployments::last_good(&stand_in.aws().await, "shop", "web").await.unwrap().task_definition, arn(2)) });
    let wizard = Wizard::empty().envs(stand_in.env());
    let back = ["service", "rollback", "--cluster", "shop", "--service", "web"];
    let done = wizard.run(&[&back[..], &["--dry-run"]].concat()).expect(0).out();
    assert!(done.contains("web: web:4 → web:2 (its deployment of 2023-11-14"), "{done}");
    assert_eq!(stand_in.count("UpdateService"), 0);
    wizard.run(&[&back[..], &["--to", "shop:3"]].concat()).expect(2).says("is no revision of web");

    // where ECS keeps no history: by our mark
    let (stand_in, _) = ecs(|ecs| {
        with_four(ecs);
        ecs.definitions[0].1 = json!([{ "key": "migrate-wizard-steady", "value": "1700000000" }]);
    });
    block(async { assert_eq!(deployments::last_good(&stand_in.aws().await, "shop", "web").await.unwrap().task_definition, arn(1)) });
    // and where nothing is known nothing is guessed
    let (stand_in, _) = ecs(with_four);
    let wizard = Wizard::empty().envs(stand_in.env());
    wizard.run(&back).expect(1).says("no revision before web:4 is known to have run steadily").says("--to");
    wizard.run(&[&back[..], &["--to", "3"]].concat()).expect(0);
    assert_eq!(stand_in.bodies("UpdateService")[0]["taskDefinition"], arn(3).as_str());
}

#[test]
fn the_command_runs_the_apps_migrations_first_and_deploys_nothing_when_they_fail() {
    let app = |stand_in: &StandIn| {
        let wizard = Wizard::empty().envs(stand_in.env());
        std::fs::write(wizard.path().join("package.json"), r#"{"name":"shop","scripts":{"db:migrate":"drizzle-kit migrate"}}"#).unwrap();
        wizard
    };
    let deploy = ["service", "deploy", "--cluster", "shop", "--service", "web", "--tag", "02"];

    let (stand_in, _) = ecs(|_| {});
    let said = app(&stand_in).run(&[&deploy[..], &["--desired", "3", "--dry-run"]].concat()).expect(0).out();
    for line in [
        format!("- web image {}", image("01")),
        format!("+ web image {}", image("02")),
        "+ tasks 3".into(),
        "as a one-off task: npm run db:migrate".into(),
    ] {
        assert!(said.contains(&line), "{line} in {said}");
    }
    assert_eq!(["RegisterTaskDefinition", "UpdateService", "RunTask", "TagResource"].map(|call| stand_in.count(call)), [0; 4]);

    let (stand_in, _) = ecs(|ecs| ecs.exit_code = 127);
    app(&stand_in).run(&deploy).expect(1).says("web exit code 127 (the command was not found)").says("nothing was deployed");
    assert_eq!(stand_in.count("UpdateService"), 0);

    let (stand_in, made) = ecs(|ecs| ecs.comes = Comes::Up);
    app(&stand_in).run(&deploy).expect(0);
    let order: Vec<String> = stand_in.calls.lock().unwrap().iter().map(|(name, _)| name.clone()).collect();
    let at = |call: &str| order.iter().position(|name| name == call).unwrap();
    assert!(at("RegisterTaskDefinition") < at("RunTask") && at("RunTask") < at("UpdateService"), "{order:?}");
    assert_eq!(stand_in.bodies("RunTask")[0]["taskDefinition"], arn(2).as_str(), "they run in the new image");
    assert_eq!(made.lock().unwrap().runs, 2);
}

#[test]
fn status_tells_tasks_targets_history_and_the_health_body() {
    let (stand_in, ecs) = ecs(|ecs| ecs.history = vec![(1, "SUCCESSFUL")]);
    ecs.lock().unwrap().load_balancer = stand_in.url.clone();
    let wizard = Wizard::empty().envs(stand_in.env());
    let status = ["service", "status", "--cluster", "shop", "--service", "web"];
    let said = wizard.run(&status).expect(0).out();
    for line in [
        "web in shop: 2 of 2 tasks run, 0 pending".to_owned(),
        format!("revision web:1  image {}", image("01")),
        "target 10.0.1.7:3000 unhealthy: Target.ResponseCodeMismatch: Health checks failed with these codes: [503]".to_owned(),
        "web:1 SUCCESSFUL".to_owned(),
        r#"says 200 application/json {"status":"ok","database":"ok"}"#.to_owned(),
        "http://shop.example:".to_owned(),
    ] {
        assert!(said.contains(&line), "{line} in\n{said}");
    }
    let value: Value = serde_json::from_str(&wizard.run(&[&status[..], &["--json"]].concat()).expect(0).out()).unwrap();
    assert_eq!((value["steady"].as_bool(), value["health"][0]["answer"]["status"].as_u64()), (Some(true), Some(200)));
    Wizard::empty().envs(stand_in.env()).run(&["service", "status"]).expect(2).says("no cluster is named");
}

#[test]
fn several_tasks_are_followed_to_their_end_and_ones_that_did_not_start_are_told() {
    let (stand_in, _) = ecs(|_| {});
    block(async {
        let aws = stand_in.aws().await;
        let place = tasks::place_of(&aws, "shop", "web").await.unwrap();
        let run = tasks::Run {
            cluster: "shop".into(),
            task_definition: arn(1),
            count: 13,
            place,
            overrides: vec![],
            started_by: tasks::started_by(&["copy", "run-1"]),
            token: "copy-run-1".into(),
            tags: Default::default(),
        };
        tasks::run(&aws, &run).await.unwrap();
        let asked: Vec<(i64, String)> = stand_in
            .bodies("RunTask")
            .iter()
            .map(|body| (body["count"].as_i64().unwrap(), body["clientToken"].as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(
            asked,
            [(10, "copy-run-1-0".to_owned()), (3, "copy-run-1-1".to_owned())],
            "ten at a time, each call with a token of its own"
        );
        let found = tasks::find(&aws, "shop", "web", &run.started_by).await.unwrap();
        let arns: Vec<String> = found.iter().map(|task| task.arn.clone()).collect();
        let ended = tasks::follow(&aws, "shop", &arns, &Reporter::silent()).await.unwrap();
        assert!(!ended.is_empty() && ended.iter().all(tasks::TaskState::succeeded));
    });
}

#[test]
fn the_emulator_gets_the_image_by_digest() {
    let emulator = Emulator::start(&[]);
    let wizard = Wizard::empty().envs(emulator.env());
    block(async {
        use aws_sdk_ecs::types::{Compatibility, ContainerDefinition, LaunchType, NetworkMode};
        let config = emulator.config().await;
        aws_sdk_ecr::Client::new(&config).create_repository().repository_name("shop/web").send().await.unwrap();
        let manifest = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
        aws_sdk_ecr::Client::new(&config)
            .put_image()
            .repository_name("shop/web")
            .image_tag("2")
            .image_manifest(manifest)
            .send()
            .await
            .unwrap();
        let client = aws_sdk_ecs::Client::new(&config);
        client.create_cluster().cluster_name("shop").send().await.unwrap();
        let web = ContainerDefinition::builder().name("web").image(format!("{REPOSITORY}:1")).essential(true).build();
        let register = client.register_task_definition().family("web").container_definitions(web).network_mode(NetworkMode::Awsvpc);
        register.requires_compatibilities(Compatibility::Fargate).cpu("256").memory("512").send().await.unwrap();
        client
            .create_service()
            .cluster("shop")
            .service_name("web")
            .task_definition("web:1")
            .desired_count(1)
            .launch_type(LaunchType::Fargate)
            .send()
            .await
            .unwrap();
    });
    wizard.run(&["service", "deploy", "--cluster", "shop", "--service", "web", "--tag", "9"]).expect(1).says("has no image 9");
    let done =
        wizard.run(&["service", "deploy", "--cluster", "shop", "--service", "web", "--tag", "2", "--no-migrate", "--json"]).expect(0).out();
    let report: Value = serde_json::from_str(done.lines().last().unwrap()).unwrap();
    assert!(report["image"].as_str().unwrap().starts_with(&format!("{REPOSITORY}@sha256:")), "{report}");
    // the emulator keeps no history: the mark of the first deployment of ours is what is known
    wizard.run(&["service", "rollback", "--cluster", "shop", "--service", "web"]).expect(1).says("no revision before web:2");
    wizard.run(&["service", "rollback", "--cluster", "shop", "--service", "web", "--to", "1"]).expect(0);
    let back = wizard.run(&["service", "rollback", "--cluster", "shop", "--service", "web", "--dry-run"]).expect(0).out();
    assert!(back.contains("web: web:1 → web:2 (a deployment of ours was steady with it)"), "{back}");
}
