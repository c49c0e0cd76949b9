//! Image repositories in ECR and the login that a push needs.
//! Never builds or moves an image: that is [`super::image`]. Never makes a repository: that is a stack's work.

use aws_sdk_ecr::types::{ImageIdentifier, Repository as Described};
use serde::{Deserialize, Serialize};

use super::fault::{code, fault};
use super::session::Aws;
use super::{base64, tags};
use crate::error::{Error, Kind, Result};
use crate::text::Secret;

/// A repository for images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    pub name: String,
    pub arn: String,
    /// What a task definition names, without tag: `123456789012.dkr.ecr.us-east-1.amazonaws.com/app`.
    pub uri: String,
}

/// A login for `docker push` and its kin, valid for twelve hours.
#[derive(Debug, Clone)]
pub struct Login {
    /// Host, and port if it is not the default.
    pub registry: String,
    pub user: String,
    pub password: Secret,
    /// The registry speaks plain HTTP (only on loopback).
    pub plain_http: bool,
}

impl Login {
    /// Where to push: `host/repository:tag`.
    pub fn reference(&self, repository: &str, tag: &str) -> String {
        format!("{}/{repository}:{tag}", self.registry)
    }
}

/// The repository, if there is one of that name.
pub async fn describe(aws: &Aws, name: &str) -> Result<Option<Repository>> {
    match aws.ecr().describe_repositories().repository_names(name).send().await {
        Ok(answer) => Ok(answer.repositories().first().map(from)),
        Err(error) if code(&error) == "RepositoryNotFoundException" => Ok(None),
        Err(error) => Err(fault("ecr:DescribeRepositories", error)),
    }
}

/// Deletes a repository of ours with all its images; an absent one is no error, one that is not ours is [`Kind::Conflict`].
pub async fn delete(aws: &Aws, name: &str) -> Result<()> {
    let Some(found) = describe(aws, name).await? else { return Ok(()) };
    let carried =
        aws.ecr().list_tags_for_resource().resource_arn(&found.arn).send().await.map_err(|e| fault("ecr:ListTagsForResource", e))?;
    if !tags::is_ours(carried.tags().iter().map(|tag| (tag.key(), tag.value()))) {
        return Err(Error::new(Kind::Conflict, format!("the image repository {name} was not made by migrate-wizard"))
            .hint("delete it yourself in the ECR console if you no longer need it"));
    }
    match aws.ecr().delete_repository().repository_name(name).force(true).send().await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == "RepositoryNotFoundException" => Ok(()),
        Err(error) => Err(fault("ecr:DeleteRepository", error)),
    }
}

/// Names of the repositories of one system that are ours. Reads.
pub async fn of_system(aws: &Aws, app: &str, environment: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut page = None;
    loop {
        let asked = aws.ecr().describe_repositories().set_next_token(page.take()).send().await;
        let answer = asked.map_err(|e| fault("ecr:DescribeRepositories", e))?;
        // the name begins with the system's: the tags of all others need not be asked for
        let prefix = format!("{app}-{environment}/");
        for found in answer.repositories().iter().map(from).filter(|found| found.name.starts_with(&prefix)) {
            let asked = aws.ecr().list_tags_for_resource().resource_arn(&found.arn).send().await;
            let carried = asked.map_err(|e| fault("ecr:ListTagsForResource", e))?;
            if tags::is_ours(carried.tags().iter().map(|tag| (tag.key(), tag.value()))) {
                names.push(found.name);
            }
        }
        page = answer.next_token.filter(|token| !token.is_empty());
        if page.is_none() {
            return Ok(names);
        }
    }
}

/// A login for the account's registry.
pub async fn login(aws: &Aws) -> Result<Login> {
    let answer = aws.ecr().get_authorization_token().send().await.map_err(|e| fault("ecr:GetAuthorizationToken", e))?;
    let odd = || Error::new(Kind::Failed, "ECR gave a login that cannot be read").hint("run the same command again");
    let data = answer.authorization_data().first().ok_or_else(odd)?;
    let plain = data.authorization_token().and_then(base64::decode).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(odd)?;
    let (user, password) = plain.split_once(':').ok_or_else(odd)?;
    let (registry, plain_http) = address(aws.config().endpoint_url(), data.proxy_endpoint().unwrap_or_default());
    Ok(Login { registry, user: user.to_owned(), password: Secret::new(password), plain_http })
}

/// Host of the registry, and whether it speaks plain HTTP. An endpoint on loopback answers for the registry too,
/// since the name that the token gives exists only on AWS.
fn address(endpoint: Option<&str>, proxy: &str) -> (String, bool) {
    let host = |url: &str| url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default().to_owned();
    let loopback = |url: &str| {
        let host = host(url);
        host.starts_with("127.") || host.starts_with("[::1]") || host == "localhost" || host.starts_with("localhost:")
    };
    let url = endpoint.filter(|url| loopback(url)).unwrap_or(proxy);
    (host(url), loopback(url) && url.starts_with("http://"))
}

/// The digest (`sha256:…`) of a pushed image; `None` if there is no such tag.
pub async fn image_digest(aws: &Aws, repository: &str, tag: &str) -> Result<Option<String>> {
    let id = ImageIdentifier::builder().image_tag(tag).build();
    match aws.ecr().describe_images().repository_name(repository).image_ids(id).send().await {
        Ok(answer) => Ok(answer.image_details().first().and_then(|image| image.image_digest()).map(str::to_owned)),
        Err(error) if matches!(code(&error), "ImageNotFoundException" | "RepositoryNotFoundException") => Ok(None),
        Err(error) => Err(fault("ecr:DescribeImages", error)),
    }
}

fn from(described: &Described) -> Repository {
    Repository {
        name: described.repository_name().unwrap_or_default().to_owned(),
        arn: described.repository_arn().unwrap_or_default().to_owned(),
        uri: described.repository_uri().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_where_the_token_says_unless_the_endpoint_is_here() {
        let proxy = "https://123456789012.dkr.ecr.us-east-1.amazonaws.com";
        let aws = ("123456789012.dkr.ecr.us-east-1.amazonaws.com".to_owned(), false);
        assert_eq!(address(None, proxy), aws);
        assert_eq!(address(Some("https://vpce-1.ecr.us-east-1.vpce.amazonaws.com"), proxy), aws);
        assert_eq!(address(Some("http://127.0.0.1:5602"), proxy), ("127.0.0.1:5602".to_owned(), true));
        assert_eq!(address(None, "http://localhost:5000"), ("localhost:5000".to_owned(), true));
    }
}
