//! Which branch of the app's repository is deployed to which environment, and whether a person must agree first.
//! Never a system's name in code: the table is `assets/files/branches.toml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Context, Kind, Result};

/// A branch and where a push to it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    pub name: String,
    pub environment: String,
    /// A person agrees before anything is changed: GitHub's environment has required reviewers.
    pub approval: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "as_of")]
    _as_of: String,
    #[serde(rename = "source")]
    _source: String,
    branch: Vec<Branch>,
    profile: BTreeMap<String, Vec<String>>,
}

fn table() -> Result<Table> {
    toml::from_str(include_str!("../../assets/files/branches.toml")).or_fail(
        Kind::Bug,
        "cannot read assets/files/branches.toml",
        "report this",
    )
}

/// The rule of each named branch; one that the table does not know goes to an environment of its own name.
///
/// # Errors
/// `Bug` if our own table does not parse.
pub fn rules(names: &[String]) -> Result<Vec<Branch>> {
    let table = table()?;
    let own = |name: &String| Branch { name: name.clone(), environment: super::service::slug(name), approval: false };
    Ok(names.iter().map(|name| table.branch.iter().find(|b| b.name == *name).cloned().unwrap_or_else(|| own(name))).collect())
}

/// The branches that a profile's owners deploy; `None` for a profile that is not in the table.
///
/// # Errors
/// As [`rules`].
pub fn of_profile(profile: &str) -> Result<Option<Vec<Branch>>> {
    table()?.profile.get(profile).map(|names| rules(names)).transpose()
}

/// Whether git takes the name and it stands in a workflow without quotes.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/+-".contains(c);
    let part = |part: &str| !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with(".lock");
    name.chars().all(plain) && name.split('/').all(part) && !name.ends_with('.') && !name.contains("..")
}

/// Whether a folder of a repository stands in a workflow's filter of paths, and means itself there.
pub fn is_folder(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || "/._-+@ ".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_has_a_name_that_git_takes() {
        for good in ["main", "release/2.0", "feature/X_1", "a+b-c"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "x y", "a..b", "/a", "a/", "-a", "a.lock", "a:b", "$(id)", "a*", ".a"] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_folder_with_signs_of_a_pattern_is_none_for_a_workflow() {
        assert!(is_folder("apps/my shop_2+@x.y-z") && is_folder("läden/eins"));
        for bad in ["a*b", "a[1]", "!a", "a'b", "$(id)", "a${{ x }}", "a\nb", "a?b"] {
            assert!(!is_folder(bad), "{bad}");
        }
    }

    #[test]
    fn the_four_systems_deploy_as_their_owners_wrote() {
        let of = |profile| {
            let branches = of_profile(profile).unwrap().unwrap();
            branches
                .iter()
                .map(|b| format!("{}>{}{}", b.name, b.environment, if b.approval { "!" } else { "" }))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(of("grievance-portal"), "main>production!");
        assert_eq!(of("dougust"), "main>production!");
        assert_eq!(of("alva"), "develop>develop staging>staging main>production!");
        assert_eq!(of("shadowtwin"), "develop>develop staging>staging main>production!");
        assert_eq!(of_profile("nobody").unwrap(), None);
        assert_eq!(rules(&["feature/X".into()]).unwrap()[0].environment, "x");
    }
}
