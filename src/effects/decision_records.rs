//! `decision_records`: one Markdown file for each decision and an index with the cost, in the run's own folder.
//! Only hands answers to `decide` and writes what comes back.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{World, write_files};
use crate::decide::{self, Alternative, Decision};
use crate::error::Result;
use crate::library;
use crate::wizard::effect::{Apply, Context, Description, Look, Need, Outputs, from_fields};
use crate::wizard::playbook::{Action, Ground};
use crate::wizard::template::{self, Facts};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionRecords {
    /// Question id → {value, source}.
    answers: Map<String, Value>,
    /// What earlier steps found that rules read: fact → value.
    #[serde(default)]
    found: Map<String, Value>,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<DecisionRecords>("decision_records", fields)?))
}

impl DecisionRecords {
    fn facts(&self) -> Facts {
        let answers = self.answers.iter().map(|(id, a)| (id.clone(), a.get("value").cloned().unwrap_or(Value::Null)));
        let found = self.found.iter().filter(|(_, v)| !template::plain(v).is_empty()).map(|(fact, v)| (fact.clone(), v.clone()));
        answers.chain(found).collect()
    }

    fn decisions(&self, world: &World) -> Result<Vec<Decision>> {
        let books = library::playbooks(&[])?.journey("move")?;
        let facts = self.facts();
        let answers = world.costs().answers(&facts);
        let against = world.costs().contradictions(&facts);
        let mut decisions = Vec::new();
        for step in books.forward.iter().flat_map(|b| &b.steps) {
            let (Action::Ask(ask), Some(given)) = (&step.action, self.answers.get(&step.id)) else { continue };
            let answer = given.get("value").map(template::plain).unwrap_or_default();
            let recommended = ask.recommendation(&facts);
            // a figure is only recommended where something was found; else the question says it
            let label = |answer: String| ask.options.iter().find(|o| o.id == answer).map_or(answer, |o| o.label.clone());
            let chosen = ask.options.iter().find(|o| o.id == answer);
            let alternatives = ask
                .options
                .iter()
                .filter(|o| o.id != answer)
                .map(|o| Alternative {
                    label: o.label.clone(),
                    consequence: o.consequence.clone(),
                    cost: Some(world.costs().delta(&answers, &step.id, &o.id)),
                    against: world.costs().against(&facts, &step.id, &o.id),
                })
                .collect();
            decisions.push(Decision {
                question: step.id.clone(),
                title: step.title.clone(),
                label: chosen.map_or_else(|| answer.clone(), |o| o.label.clone()),
                context: step.why.clone(),
                consequence: chosen.map(|o| o.consequence.clone()).unwrap_or_default(),
                recommended: recommended.answer.filter(|_| !ask.options.is_empty() || recommended.ground == Ground::Finding).map(label),
                because: recommended.because,
                against: against.iter().filter(|c| c.questions.contains(&step.id)).map(decide::Contradiction::words).collect(),
                source: given.get("source").map(template::plain).unwrap_or_default(),
                alternatives,
                answer,
            });
        }
        Ok(decisions)
    }
}

#[async_trait]
impl Look<World> for DecisionRecords {
    fn describe(&self) -> Description {
        Description::new("write a decision record for each answer into the run's folder", "ls .migrate-wizard/*/decisions")
    }

    fn needs(&self) -> Need {
        Need::Nothing
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        Ok(self.answers.keys().map(|id| PreviewLine::new(Sign::Add, format!("decisions/…-{id}.md"))).collect())
    }

    async fn look(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let facts = self.facts();
        let estimate = world.costs().estimate(&facts);
        let against = world.costs().contradictions(&facts);
        let files = decide::records(&self.decisions(world)?, &estimate, &against, &super::today());
        write_files(&world.out_dir("decisions"), &files)?;
        for contradiction in &against {
            cx.reporter.log(contradiction.words());
        }
        if let Some(refused) = decide::refusal(&against) {
            return Err(refused);
        }
        cx.reporter.log(format!("{} decision records, {} a month", files.len() - 1, estimate.baseline));
        Ok(Outputs::from([
            ("monthly".into(), json!(estimate.baseline.to_string())),
            ("summary".into(), json!(format!("{} decisions, {} a month + usage", files.len() - 1, estimate.baseline))),
        ]))
    }

    fn example(&self) -> Outputs {
        Outputs::from([("monthly".into(), json!("$0.00")), ("summary".into(), json!("decisions"))])
    }
}
