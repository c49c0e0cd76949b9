//! What is asked of a service to see that it is well: by the load balancer, the image, the pipeline's smoke test and the wizard's looks.
//! Never a route that nothing is known of: there any answer counts, since the port is all there is.

use std::fmt;

use super::edits;
use super::scan::Scan;
use super::service::Service;
use crate::error::{Error, Kind, Result};

/// Where `app prepare` puts a health route.
const OURS: &str = "/api/health";

/// What the answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The route of `app prepare`: 200, and JSON that says what is not well.
    Ours,
    /// A route of the app's own: 200, whatever it says.
    Own,
    /// No route is known, and none can be made: anything but an error of the server.
    Any,
}

/// One service's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Begins with `/`.
    pub path: String,
    pub answer: Answer,
}

impl Default for Health {
    fn default() -> Self {
        Self { path: OURS.to_owned(), answer: Answer::Ours }
    }
}

impl Health {
    /// `None`: it answers on no port.
    pub fn of(service: &Service) -> Option<Self> {
        if !service.kind.answers() {
            return None;
        }
        Some(match &service.health {
            Some(path) => Self { path: path.clone(), answer: if service.health_is_ours { Answer::Ours } else { Answer::Own } },
            None if edits::makes_health(&service.frameworks) => Self::default(),
            None => Self { path: "/".to_owned(), answer: Answer::Any },
        })
    }

    /// Its path is a health route, there or to be made.
    pub fn is_route(&self) -> bool {
        self.answer != Answer::Any
    }

    /// Codes of HTTP that count as well, as a target group takes them.
    pub const fn codes(&self) -> &'static str {
        match self.answer {
            Answer::Ours | Answer::Own => "200",
            Answer::Any => "200-499",
        }
    }

    /// What the content type of its answer begins with; empty: anything.
    pub const fn content_type(&self) -> &'static str {
        match self.answer {
            Answer::Ours => "application/json",
            Answer::Own | Answer::Any => "",
        }
    }

    /// All services that answer: `web=/api/health json,api=/health,admin=/ any`.
    pub fn list(scan: &Scan) -> String {
        let one = |service: &Service| Some(format!("{}={}", service.name, Self::of(service).filter(|its| !its.path.contains([',', ' ']))?));
        scan.services.iter().filter_map(one).collect::<Vec<_>>().join(",")
    }

    /// That of a service out of such a list. A list of one is that of an app with one service, however it is called.
    ///
    /// # Errors
    /// `Input` if it is no such list.
    pub fn of_list(list: &str, name: &str, is_only: bool) -> Result<Self> {
        let wrong = |item: &str| {
            Error::new(Kind::Input, format!("`{item}` does not say how a service is asked whether it is well"))
                .hint("write it like web=/api/health json,api=/health,admin=/ any")
        };
        let items: Vec<&str> = list.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
        for item in &items {
            let (its, rest) = item.split_once('=').ok_or_else(|| wrong(item))?;
            let (path, word) = rest.split_once(' ').unwrap_or((rest, ""));
            let answer = match word {
                "json" => Answer::Ours,
                "" => Answer::Own,
                "any" => Answer::Any,
                _ => return Err(wrong(item)),
            };
            if !path.starts_with('/') {
                return Err(wrong(item));
            }
            if its == name || (is_only && items.len() == 1) {
                return Ok(Self { path: path.to_owned(), answer });
            }
        }
        Ok(Self::default())
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.answer {
            Answer::Ours => " json",
            Answer::Own => "",
            Answer::Any => " any",
        };
        write!(f, "{}{word}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::super::choices::{Choices, Ci};
    use super::super::files;
    use super::super::fixture::App;
    use super::*;

    #[test]
    fn each_service_is_asked_what_it_answers() {
        let package = |name: &str, packages: &str| {
            format!(r#"{{"name": "{name}", "scripts": {{"build": "x", "start": "node index.js"}}, "dependencies": {{{packages}}}}}"#)
        };
        let app = App::new(&[
            ("package.json", r#"{"name": "many", "workspaces": ["apps/*"]}"#),
            ("apps/api/package.json", &package("api", r#""express": "5""#)),
            ("apps/api/index.js", "app.get('/healthz', f);\napp.listen(3001);\n"),
            ("apps/auth/package.json", &package("auth", r#""fastify": "5""#)),
            ("apps/auth/index.js", "app.listen({ port: 3002 });\n"),
            ("apps/pages/package.json", &package("pages", r#""nuxt": "3""#)),
            ("apps/pages/index.js", "listen(3003);\n"),
            ("apps/ready/package.json", &package("ready", r#""hono": "4""#)),
            ("apps/ready/index.js", "app.get(\"/api/health\", async (c) => 1);\nserve({ port: 3004 });\n"),
            ("apps/ready/health.mjs", "// made by migrate-wizard\n"),
            ("apps/work/package.json", &package("work", r#""bullmq": "5""#)),
            ("apps/work/index.js", "new Worker('q', f);\n"),
        ]);
        let list = Health::list(&app.scan());
        assert_eq!(list, "api=/healthz,auth=/api/health json,pages=/ any,ready=/api/health json");
        let of = |name: &str| Health::of_list(&list, name, false).unwrap();
        assert_eq!((of("api").path.as_str(), of("api").codes(), of("api").content_type()), ("/healthz", "200", ""));
        assert_eq!((of("pages").path.as_str(), of("pages").codes(), of("pages").content_type()), ("/", "200-499", ""));
        assert_eq!((of("ready").codes(), of("ready").content_type()), ("200", "application/json"));
        // a service of the person's own
        assert_eq!(of("other"), Health::default());
        // image and smoke test say the same
        let scan = app.scan();
        let files = files::generate(&scan, &Choices { ci: Ci::Github, ..Choices::from_scan(&scan) }).unwrap();
        let contents = |path: &str| files.iter().find(|file| file.path == path).unwrap().contents.clone();
        let pages = contents("Dockerfile.pages");
        assert!(pages.contains("require('net').connect") && pages.contains("# no health route is known"), "{pages}");
        let api = contents("Dockerfile.api");
        assert!(api.contains("process.env.PORT + '/healthz'") && !api.contains("no health route"), "{api}");
        let pipeline = contents(".github/workflows/deploy.yml");
        let row =
            |name: &str| pipeline.lines().find(|line| line.contains("health: \"") && line.contains(&format!("service: {name},"))).unwrap();
        assert!(
            row("pages").contains("health: \"\"") && row("auth").contains("health: \"/api/health\", kind: \"application/json\""),
            "{pipeline}"
        );
    }

    #[test]
    fn a_route_is_written_and_asked_for_only_where_one_can_be_made() {
        for (packages, is_made) in [(r#""express": "5""#, true), (r#""nuxt": "3""#, false), (r#""koa": "2""#, false)] {
            let package = format!(r#"{{"name":"a","scripts":{{"start":"node index.js"}},"dependencies":{{{packages}}}}}"#);
            let app = App::new(&[("package.json", &package), ("index.js", "listen(process.env.PORT || 3000);\n")]);
            let scan = app.scan();
            let files = files::generate(&scan, &Choices::from_scan(&scan)).unwrap();
            assert_eq!(files.iter().any(|file| file.path.ends_with("health.mjs")), is_made, "{packages}");
            let list = &files.iter().find(|file| file.path == "CHECKLIST.md").unwrap().contents;
            assert_eq!(list.contains("mount the generated health route"), is_made, "{list}");
        }
    }

    #[test]
    fn a_list_is_read_as_it_is_written() {
        assert_eq!(Health::of_list("web=/up", "shop", true).unwrap().path, "/up", "one service, however it is called");
        assert_eq!(Health::of_list("web=/up", "shop", false).unwrap(), Health::default());
        assert_eq!(Health::of_list("", "shop", true).unwrap(), Health::default());
        for wrong in ["/api/health", "web", "web=up", "web=/up json yes", "web=/up JSON"] {
            let error = Health::of_list(wrong, "web", true).unwrap_err();
            assert!(error.to_string().contains(wrong), "{wrong}: {error:?}");
        }
    }
}
