//! What of the findings the files of `app container` take care of in this very app, and which package a finding of system packages means.
//! Never makes such a file (that is `dockerfile`), and never finds anything.

use super::finding::Finding;
use super::hide;
use super::mark;
use super::packages::SystemPackage;
use super::service::{Service, ServiceKind};
use super::stack::{Language, Stack};
use super::tree::Tree;

/// What the image is made from.
#[derive(Debug)]
pub struct Image {
    packages: Vec<SystemPackage>,
    /// An image is made at all, and no Dockerfile of somebody else's is in its way.
    made: bool,
    /// Its start commands, a line each.
    starts: Vec<String>,
    /// A Dockerfile of ours is there.
    pub there: bool,
}

fn is_dockerfile(path: &str) -> bool {
    path == "Dockerfile" || (path.starts_with("Dockerfile.") && !path.contains('/'))
}

impl Image {
    pub fn of(tree: &Tree, stack: &Stack, services: &[Service], packages: Vec<SystemPackage>) -> Self {
        let starts: Vec<String> =
            services.iter().filter(|s| s.kind != ServiceKind::Static && !s.run.is_empty()).map(|s| s.run.join(" ")).collect();
        let known = stack.supported && matches!(stack.language, Language::Node | Language::Python);
        let files: Vec<bool> =
            tree.entries.iter().filter(|e| is_dockerfile(&e.path)).map(|e| e.text.as_deref().is_some_and(mark::is_ours)).collect();
        Self { packages, made: known && !starts.is_empty() && files.iter().all(|ours| *ours), starts, there: files.contains(&true) }
    }

    /// Findings of system packages name the line of one that an image needs, and go where it needs none;
    /// what the image cannot do is left to a person.
    pub fn fit(&self, findings: &mut Vec<Finding>, tree: &Tree) {
        findings.retain_mut(|finding| {
            if finding.signal == "F7" && !self.point(finding, tree) {
                return false;
            }
            if !self.does(finding) {
                finding.by_container = None;
            }
            true
        });
    }

    fn does(&self, finding: &Finding) -> bool {
        let command = |word: &str| self.starts.iter().filter(|line| line.contains(word)).collect::<Vec<_>>();
        self.made
            && match finding.signal.as_str() {
                "F7" => self.packages.iter().all(|package| package.known),
                "F14" => command(" install").is_empty() && command("npm ci").is_empty(),
                // behind a shell the command is as it was
                "F15" => command("gunicorn").iter().all(|line| line.starts_with("gunicorn ")),
                _ => true,
            }
    }

    /// `false`: an image needs none of the packages that this file names.
    fn point(&self, finding: &mut Finding, tree: &Tree) -> bool {
        let Some(text) = tree.text(&finding.file) else { return true };
        let needed = |package: &&SystemPackage| !package.known || !package.apt.is_empty();
        let names: Vec<&SystemPackage> = self.packages.iter().filter(needed).collect();
        let is_named = |line: &str, name: &str| {
            let nix = format!("pkgs.{name}");
            let whole = line.find(&nix).is_some_and(|at| {
                let after = line.get(at + nix.len()..).and_then(|rest| rest.chars().next());
                !after.is_some_and(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
            });
            whole || [format!("\"{name}\""), format!("'{name}'")].iter().any(|quoted| line.contains(quoted))
        };
        let first = finding.line.map_or(0, |line| usize::try_from(line).unwrap_or(1).saturating_sub(1));
        let places = text.lines().enumerate().skip(first).filter(|(_, line)| !line.trim_start().starts_with('#'));
        let mut met: Vec<(usize, &str, &SystemPackage)> = Vec::new();
        for (number, line) in places {
            for package in names.iter().filter(|package| is_named(line, &package.name)) {
                if !met.iter().any(|(.., known)| known.name == package.name) {
                    met.push((number, line, package));
                }
            }
        }
        let Some((number, line, _)) = met.first() else { return false };
        finding.line = u32::try_from(number + 1).ok();
        finding.excerpt = hide::excerpt(&finding.file, line);
        let list =
            |known: bool| met.iter().filter(|(.., p)| p.known == known).map(|(.., p)| p.name.as_str()).collect::<Vec<_>>().join(", ");
        let (known, unknown) = (list(true), list(false));
        finding.replacement = if known.is_empty() {
            "packages of Debian's in the Dockerfile".to_owned()
        } else {
            format!("the Dockerfile installs the Debian packages for {known}")
        };
        finding.edit = (!unknown.is_empty())
            .then(|| format!("find what takes the place of {unknown} in Debian, if the app needs it, and add it to the Dockerfile"));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;
    use super::Finding;

    fn found(files: &[(&str, &str)], signal: &str) -> Option<Finding> {
        App::new(files).scan().findings.into_iter().find(|finding| finding.signal == signal)
    }

    #[test]
    fn system_packages_are_named_where_they_stand_and_only_those_that_an_image_needs() {
        let of = |replit: &str| found(&[(".replit", replit), ("package.json", "{\"scripts\":{\"start\":\"node a.js\"}}")], "F7");
        let several = of("[nix]\npackages = [\n  \"libxcrypt\",\n  \"openssl\",\n  \"ffmpeg\",\n  \"imagemagick\"\n]\n").unwrap();
        assert_eq!((several.line, several.excerpt.as_str()), (Some(5), "\"ffmpeg\","));
        assert!(several.replacement.ends_with("for ffmpeg, imagemagick") && several.edit.is_none() && several.by_container.is_some());
        assert_eq!(of("[nix]\npackages = [\"libxcrypt\", \"openssl\"]\n"), None);
        let unknown = of("[nix]\npackages = [\"openssl\", \"gdal\"]\n").unwrap();
        assert!(unknown.edit.is_some_and(|edit| edit.contains("gdal")) && unknown.by_container.is_none());
        let nix = "{ pkgs }: {\n  deps = [\n    pkgs.python310Full\n    # pkgs.ffmpeg\n    pkgs.ffmpeg-full\n  ];\n}\n";
        let nix = found(&[(".replit", "run = \"python main.py\"\n"), ("replit.nix", nix), ("main.py", "")], "F7").unwrap();
        assert_eq!(nix.place(), "replit.nix:5");
    }

    #[test]
    fn what_the_image_cannot_do_is_left() {
        let fastapi = ("main.py", "from fastapi import FastAPI\napp = FastAPI()\n");
        let of = |run: &str, more: &[(&str, &str)], signal: &str| {
            let replit = format!("[deployment]\nrun = {run}\n");
            let files = [&[(".replit", replit.as_str()), ("requirements.txt", "fastapi\n"), fastapi], more].concat();
            found(&files, signal).unwrap().by_container.is_some()
        };
        assert!(of("[\"gunicorn\", \"main:app\"]", &[], "F15"));
        assert!(!of("[\"sh\", \"-c\", \"python a.py; gunicorn main:app\"]", &[], "F15"));
        assert!(of("[\"sh\", \"-c\", \"pip install -r requirements.txt && gunicorn main:app\"]", &[], "F14"));
        assert!(!of("[\"gunicorn\", \"main:app\"]", &[("Dockerfile", "FROM python\n")], "F15"), "somebody else's Dockerfile");
        let ours = crate::app::mark::seal("FROM python\n");
        assert!(of("[\"gunicorn\", \"main:app\"]", &[("Dockerfile", &ours)], "F15"));
    }
}
