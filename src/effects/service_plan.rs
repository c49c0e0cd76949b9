//! `service_plan`: the services answer as facts, one set for each service: port, rule, priority.
//! Only hands the answer to `decide`; touches nothing.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::decide;
use crate::error::Result;
use crate::wizard::effect::{Apply, Context, Description, Look, Need, Outputs, from_fields, of_field};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePlan {
    /// `web:3000,api:3001`
    services: String,
    routing: String,
    environment: String,
    #[serde(default)]
    domain: String,
    /// Networks that alone may reach the admin pages, comma separated; empty for everyone.
    #[serde(default)]
    admin_cidrs: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let plan = from_fields::<ServicePlan>("service_plan", fields)?;
    of_field("service_plan", "services", plan.outputs())?;
    Ok(Box::new(plan))
}

impl ServicePlan {
    fn outputs(&self) -> Result<Outputs> {
        let services = decide::services(&self.services)?;
        let routes = decide::routes(&services, &self.routing, &self.domain, &self.environment);
        let admin = decide::admin_paths(&services, &routes);
        let names: Vec<&str> = services.iter().map(|s| s.name.as_str()).collect();
        let ports: Vec<u16> = services.iter().map(|s| s.port).collect();
        let extra: Vec<u16> = routes.iter().map(|r| r.listener_port).filter(|p| *p > 0).collect();
        let least = |list: &[u16]| list.iter().min().copied().unwrap_or(0).to_string();
        let most = |list: &[u16]| list.iter().max().copied().unwrap_or(0).to_string();
        let mut out = Outputs::from([
            ("names".into(), json!(names.join(","))),
            ("first".into(), json!(names.first())),
            ("migrator".into(), json!(decide::migrator(&names))),
            ("count".into(), json!(names.len().to_string())),
            ("port_from".into(), json!(least(&ports))),
            ("port_to".into(), json!(most(&ports))),
            ("extra_from".into(), json!(least(&extra))),
            ("extra_to".into(), json!(most(&extra))),
            ("summary".into(), json!(self.services)),
        ]);
        for ((service, route), admin) in services.iter().zip(&routes).zip(&admin) {
            let mut put = |name: &str, value: String| out.insert(format!("[{}].{name}", service.name), json!(value));
            put("port", service.port.to_string());
            put("host", route.host.clone());
            put("path", route.path.clone());
            put("listener_port", route.listener_port.to_string());
            put("priority", route.priority.to_string());
            put("admin_path", admin.clone().unwrap_or_else(|| "/*".into()));
            put("admin_cidrs", if admin.is_some() { self.admin_cidrs.clone() } else { String::new() });
            // between this service's rule and the one before it, which is ten lower
            put("admin_priority", (route.priority - 2).to_string());
            put("admin_closed_priority", (route.priority - 1).to_string());
        }
        Ok(out)
    }
}

#[async_trait]
impl Look<World> for ServicePlan {
    fn describe(&self) -> Description {
        Description::new(format!("plan the services {}", self.services), "")
    }

    fn needs(&self) -> Need {
        Need::Nothing
    }

    async fn look(&self, _world: &World, _cx: &Context) -> Result<Outputs> {
        self.outputs()
    }

    fn example(&self) -> Outputs {
        self.outputs().unwrap_or_default()
    }
}
