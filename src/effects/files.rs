//! `files`: generates Dockerfile, compose, pipeline, health route and checklist for the app into the run's own folder.
//! Never writes into the app's tree: copying them over is the engineer's commit.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{World, scan_app, write_files};
use crate::app::needs::Decided;
use crate::app::{self, Choices};
use crate::cloud::stacks;
use crate::error::Result;
use crate::library;
use crate::wizard::effect::{Apply, Context, Description, Look, Need, Outputs, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    app: String,
    environment: String,
    region: String,
    /// `github`, `codepipeline` or `none`.
    cicd: String,
    #[serde(default)]
    branch: String,
    #[serde(default)]
    domain: String,
    /// `web:3000,api:3001`: their names on AWS.
    #[serde(default)]
    services: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    database: String,
    #[serde(default)]
    registry: String,
    /// By id of the question: what the app's variables follow from.
    #[serde(default)]
    decided: Decided,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let files = from_fields::<Files>("files", fields)?;
    one_of("files", "cicd", &files.cicd, &["github", "codepipeline", "none"])?;
    Ok(Box::new(files))
}

#[async_trait]
impl Look<World> for Files {
    fn describe(&self) -> Description {
        Description::new(
            "generate container, compose, pipeline and checklist files for the app into the run's folder",
            "ls .migrate-wizard/*/app",
        )
    }

    fn needs(&self) -> Need {
        Need::App
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        Ok(vec![PreviewLine::new(Sign::Add, "files in the run's own folder")])
    }

    async fn look(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let scan = scan_app::scan(world, None).await?;
        let mut choices = Choices::from_scan(&scan);
        choices.decisions = self.decided.clone();
        choices.set_by_stack = stacks::own_variables(library::stack("service")?);
        let folder = app::remote::top(&world.app_dir).map(|(_, folder)| folder).filter(|folder| app::is_folder_name(folder));
        choices.folder = folder.unwrap_or_default();
        let fields = serde_json::to_value(self).unwrap_or_default();
        choices.decided(&scan, &|name: &str| fields.get(name).and_then(Value::as_str).filter(|v| !v.is_empty()).map(str::to_owned));
        let files: Vec<(String, String)> = app::files::generate(&scan, &choices)?.into_iter().map(|f| (f.path, f.contents)).collect();
        write_files(&world.out_dir("app"), &files)?;
        for (path, _) in &files {
            cx.reporter.log(format!("wrote app/{path}"));
        }
        let dockerfile =
            files.iter().find(|(p, _)| p.ends_with("Dockerfile")).map_or("app/Dockerfile".to_owned(), |(p, _)| format!("app/{p}"));
        Ok(Outputs::from([
            ("dockerfile".into(), json!(dockerfile)),
            ("written".into(), json!(files.iter().map(|(p, _)| p.clone()).collect::<Vec<_>>())),
            ("summary".into(), json!(format!("{} in app/ of the run's folder", crate::text::plural(files.len() as u64, "file")))),
        ]))
    }

    fn example(&self) -> Outputs {
        Outputs::from([
            ("dockerfile".into(), json!("app/Dockerfile")),
            ("written".into(), json!([])),
            ("summary".into(), json!("no files were generated")),
        ])
    }
}
