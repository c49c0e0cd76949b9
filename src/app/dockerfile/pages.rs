//! The stages that build the pages of a Python app with Node, each in an image of its own.
//! Never Node in the image that runs.

use std::collections::BTreeMap;

use super::super::front_end::FrontEnd;
use super::super::scan::Scan;
use super::super::template;
use crate::error::Result;

/// Where `.replit` names no version.
const NODE: &str = "22";

struct Tool {
    setup: &'static str,
    install: &'static str,
    build: &'static str,
}

fn tool(lock: Option<&str>) -> Tool {
    match lock {
        Some("pnpm-lock.yaml") => {
            Tool { setup: "RUN npm install --global pnpm@10", install: "pnpm install --frozen-lockfile", build: "pnpm run build" }
        }
        Some("yarn.lock") => Tool { setup: "", install: "yarn install --frozen-lockfile && yarn cache clean", build: "yarn run build" },
        Some("bun.lock" | "bun.lockb") => {
            Tool { setup: "RUN npm install --global bun@1", install: "bun install --frozen-lockfile", build: "bun run build" }
        }
        Some(_) => Tool { setup: "", install: "npm ci --no-audit --no-fund", build: "npm run build" },
        None => Tool { setup: "", install: "npm install --no-audit --no-fund", build: "npm run build" },
    }
}

fn stage(at: usize) -> String {
    if at == 0 { "pages".to_owned() } else { format!("pages-{}", at + 1) }
}

/// The stages, and the lines that take over what they made.
pub fn values(scan: &Scan, build_args: &str) -> Result<BTreeMap<&'static str, String>> {
    let modules = scan.replit.iter().flat_map(|replit| &replit.modules);
    let node = modules.filter_map(|module| module.strip_prefix("nodejs-")).next().unwrap_or(NODE);
    let mut stages = String::new();
    let mut copies = Vec::new();
    for (at, FrontEnd { dir, lock, out }) in scan.front_ends.iter().enumerate() {
        let tool = tool(lock.as_deref());
        let manifests: Vec<String> = ["package.json"].into_iter().chain(lock.as_deref()).map(|file| format!("{dir}/{file}")).collect();
        let values = BTreeMap::from([
            ("dir", dir.clone()),
            ("node", node.to_owned()),
            ("stage", stage(at)),
            ("tool", tool.setup.to_owned()),
            ("manifests", manifests.join(" ")),
            ("install", tool.install.to_owned()),
            ("build", tool.build.to_owned()),
            ("build_args", build_args.to_owned()),
        ]);
        stages += &template::fill("pages.Dockerfile", include_str!("../../../assets/files/pages.Dockerfile"), &values)?;
        copies.push(format!("COPY --from={} --chown=app:app /app/{out} ./{out}", stage(at)));
    }
    Ok(BTreeMap::from([("front_ends", stages), ("pages", copies.join("\n"))]))
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::App;
    use super::super::super::{Choices, files};

    #[test]
    fn pages_are_built_by_node_and_copied_into_the_image_before_its_own_build() {
        let app = App::new(&[
            (
                ".replit",
                "modules = [\"python-3.11\", \"nodejs-20\"]\n[deployment]\nbuild = [\"sh\", \"-c\", \"cd frontend && npm run build\"]\nrun = [\"uvicorn\", \"main:app\"]\n",
            ),
            ("requirements.txt", "fastapi\nuvicorn\n"),
            ("main.py", "from fastapi import FastAPI\napp = FastAPI()\n"),
            ("frontend/package.json", r#"{"name":"pages","scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}"#),
            ("frontend/src/api.ts", "export const url = import.meta.env.VITE_API_URL;\n"),
        ]);
        let scan = app.scan();
        let made = files::generate(&scan, &Choices::from_scan(&scan)).unwrap();
        let image = &made.iter().find(|file| file.path == "Dockerfile").unwrap().contents;
        let at = |part: &str| image.find(part).unwrap_or_else(|| panic!("{part} is not in\n{image}"));
        let order = [
            "FROM node:20-slim AS pages\nWORKDIR /app/frontend\nCOPY frontend/package.json ./\nRUN npm install --no-audit --no-fund\nCOPY frontend ./\n",
            "ARG VITE_API_URL\nRUN npm run build\n",
            "COPY --chown=app:app . .\nCOPY --from=pages --chown=app:app /app/frontend/dist ./frontend/dist\n",
        ];
        assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{image}");
    }
}
