//! `service_plan`: the services answer as facts, one set for each service: port, rule, priority, how its health is asked.
//! Only hands the answer to `decide`; touches nothing.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::app::health::Health;
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
    /// How each is asked whether it is well, as the scan lists it: `web=/api/health json,api=/health`.
    #[serde(default)]
    health: String,
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
        let health = names.iter().map(|name| Health::of_list(&self.health, name, names.len() == 1)).collect::<Result<Vec<Health>>>()?;
        // the first is the one that the app's own address leads to
        let first = health.first().cloned().unwrap_or_default();
        out.insert("health_type".into(), json!(first.content_type()));
        for (name, one) in names.iter().zip(&health) {
            out.insert(format!("[{name}].health"), json!(one.path));
            out.insert(format!("[{name}].health_codes"), json!(one.codes()));
        }
        out.insert("health_codes".into(), json!(first.codes()));
        out.insert("health".into(), json!(first.path));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_is_asked_at_its_own_path_and_the_first_is_what_is_watched() {
        let plan = |services: &str, health: &str| {
            let fields = json!({ "services": services, "routing": "path", "environment": "production", "health": health });
            from_fields::<ServicePlan>("service_plan", fields).unwrap().outputs()
        };
        let out = plan("pages:3000,api:3001", "api=/healthz,pages=/ any").unwrap();
        let of = |name: &str| out[name].as_str().unwrap().to_owned();
        assert_eq!((of("[pages].health"), of("[pages].health_codes")), ("/".into(), "200-499".into()));
        assert_eq!((of("[api].health"), of("[api].health_codes")), ("/healthz".into(), "200".into()));
        assert_eq!((of("health"), of("health_codes"), of("health_type")), ("/".into(), "200-499".into(), String::new()));
        let out = plan("shop:3000", "web=/api/health json").unwrap();
        assert_eq!((out["health"].as_str(), out["health_type"].as_str()), (Some("/api/health"), Some("application/json")));
        // nothing is known: the route that `app prepare` makes
        assert_eq!(plan("shop:3000", "").unwrap()["[shop].health"].as_str(), Some("/api/health"));
        assert!(build(json!({ "services": "web:3000", "routing": "path", "environment": "production", "health": "web" })).is_err());
    }
}
