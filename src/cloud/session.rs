//! A session with AWS: where credentials, region and endpoint come from, and one client for each service.
//! Never makes a call when it is built.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{ProvideCredentials, SharedCredentialsProvider};

use super::guard::{Access, Guard};
use crate::error::{Error, Kind, Result};

/// How long looking for credentials may take when only the question is asked.
const CREDENTIALS_WITHIN: Duration = Duration::from_secs(2);

/// How to connect. What is `None` comes from the environment and `~/.aws`, as with the AWS CLI.
#[derive(Debug, Clone)]
pub struct Options {
    pub profile: Option<String>,
    pub region: Option<String>,
    pub access: Access,
    /// Time between two looks at something that AWS is working on.
    pub poll: Duration,
    /// Where every call goes, as a URL.
    pub endpoint: Option<String>,
    /// Who hands out the keys.
    pub keys: Option<SharedCredentialsProvider>,
    /// How long AWS may be out of reach while something that it works on is watched.
    pub outage: Duration,
    /// The role that CloudFormation takes to make resources, as an ARN; else it uses the caller's own rights.
    pub deploy_role: Option<String>,
    /// Losses of data that a person has agreed to, as `stack/LogicalId`.
    pub consents: BTreeSet<String>,
}

/// Between two looks at AWS, and at an endpoint on this machine, where nobody else waits for an answer.
const POLL: Duration = Duration::from_secs(2);
const POLL_HERE: Duration = Duration::from_millis(200);
/// One try of a call to CloudFormation; it answers in a second or not at all.
const CLOUDFORMATION_TRY: Duration = Duration::from_secs(20);
/// The budget of any call: so many tries, with growing pauses, and at most so long in all.
const TRIES: u32 = 6;
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
const CALL: Duration = Duration::from_secs(180);

impl Options {
    pub fn new(access: Access) -> Self {
        Self {
            profile: None,
            region: None,
            access,
            poll: POLL,
            endpoint: None,
            keys: None,
            outage: Duration::from_secs(600),
            deploy_role: None,
            consents: BTreeSet::new(),
        }
    }
}

/// Whether credentials were found, without asking AWS whether they are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialState {
    Found,
    Missing,
    /// A source is configured and is still working (a sign-in, a helper program); the first call will tell.
    Slow,
}

/// A session with AWS. Cheap to clone; clones share clients, guard and pin.
#[derive(Clone)]
pub struct Aws(Arc<Inner>);

/// How a session goes about its work: see [`Options`].
#[derive(Clone)]
struct Manner {
    poll: Duration,
    outage: Duration,
    deploy_role: Option<String>,
    consents: BTreeSet<String>,
}

struct Inner {
    config: SdkConfig,
    region: String,
    guard: Guard,
    manner: Manner,
    sts: OnceLock<aws_sdk_sts::Client>,
    cloudformation: OnceLock<aws_sdk_cloudformation::Client>,
    ecr: OnceLock<aws_sdk_ecr::Client>,
    ecs: OnceLock<aws_sdk_ecs::Client>,
    secretsmanager: OnceLock<aws_sdk_secretsmanager::Client>,
    route53: OnceLock<aws_sdk_route53::Client>,
    rds: OnceLock<aws_sdk_rds::Client>,
    backup: OnceLock<aws_sdk_backup::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    quotas: OnceLock<aws_sdk_servicequotas::Client>,
    pricing: OnceLock<aws_sdk_pricing::Client>,
    elbv2: OnceLock<aws_sdk_elasticloadbalancingv2::Client>,
    cloudwatchlogs: OnceLock<aws_sdk_cloudwatchlogs::Client>,
    cognito: OnceLock<aws_sdk_cognitoidentityprovider::Client>,
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Aws({}, {:?})", self.0.region, self.0.guard.access())
    }
}

impl Aws {
    /// Reads the environment and the profile files; makes no call. Errors with [`Kind::Input`] if no region is set anywhere or there is none of that name.
    pub async fn connect(options: Options) -> Result<Self> {
        // not the default chain: its last link asks a link-local address, which hangs on a laptop
        let mut profile_region = ProfileFileRegionProvider::builder();
        if let Some(profile) = &options.profile {
            profile_region = profile_region.profile_name(profile);
        }
        let region = RegionProviderChain::first_try(options.region.clone().map(Region::new))
            .or_else(EnvironmentVariableRegionProvider::new())
            .or_else(profile_region.build())
            .region()
            .await
            .ok_or_else(|| {
                Error::new(Kind::Input, "no AWS region is set").hint(
                    "give one with --region (for example --region us-east-1), or set AWS_REGION, or `aws configure set region us-east-1`",
                )
            })?;
        super::region::check(region.as_ref())?;
        let config = load(&options, region.clone()).await;
        let endpoint = config.endpoint_url().unwrap_or_default();
        let poll = if options.poll == POLL && here(endpoint) { POLL_HERE } else { options.poll };
        let manner = Manner { poll, outage: options.outage, deploy_role: options.deploy_role, consents: options.consents };
        Ok(Self::over(config, region.to_string(), Guard::new(options.access), manner))
    }

    fn over(config: SdkConfig, region: String, guard: Guard, manner: Manner) -> Self {
        Self(Arc::new(Inner {
            config,
            region,
            guard,
            manner,
            sts: OnceLock::new(),
            cloudformation: OnceLock::new(),
            ecr: OnceLock::new(),
            ecs: OnceLock::new(),
            secretsmanager: OnceLock::new(),
            route53: OnceLock::new(),
            rds: OnceLock::new(),
            backup: OnceLock::new(),
            iam: OnceLock::new(),
            quotas: OnceLock::new(),
            pricing: OnceLock::new(),
            elbv2: OnceLock::new(),
            cloudwatchlogs: OnceLock::new(),
            cognito: OnceLock::new(),
        }))
    }

    /// The same session as another role, of this account or another. Makes no call: the role is taken on at the first one.
    ///
    /// What the role is given never leaves this session, whose guard sits in front of it too.
    pub async fn as_role(&self, role_arn: &str) -> Self {
        let role = AssumeRoleProvider::builder(role_arn).configure(self.config()).session_name("migrate-wizard").build().await;
        let config = self.config().clone().into_builder().credentials_provider(SharedCredentialsProvider::new(role)).build();
        Self::over(config, self.0.region.clone(), self.0.guard.clone(), self.0.manner.clone())
    }

    /// The region all regional calls go to.
    pub fn region(&self) -> &str {
        &self.0.region
    }

    /// What this session may do.
    pub fn access(&self) -> Access {
        self.0.guard.access()
    }

    /// Whether credentials can be found, within two seconds, without a call to a service.
    pub async fn credentials(&self) -> CredentialState {
        let Some(provider) = self.0.config.credentials_provider() else { return CredentialState::Missing };
        match tokio::time::timeout(CREDENTIALS_WITHIN, provider.provide_credentials()).await {
            Ok(Ok(_)) => CredentialState::Found,
            Ok(Err(_)) => CredentialState::Missing,
            Err(_) => CredentialState::Slow,
        }
    }

    /// How long the keys in use are still good; `None` if they do not expire or cannot be found within two seconds.
    pub async fn keys_last(&self) -> Option<Duration> {
        let provider = self.0.config.credentials_provider()?;
        let keys = tokio::time::timeout(CREDENTIALS_WITHIN, provider.provide_credentials()).await.ok()?.ok()?;
        Some(keys.expiry()?.duration_since(std::time::SystemTime::now()).unwrap_or_default())
    }

    /// Whether it is worth making a call: credentials were found, or their source is still working after two seconds.
    pub async fn has_credentials(&self) -> bool {
        match self.credentials().await {
            CredentialState::Found | CredentialState::Slow => true,
            CredentialState::Missing => false,
        }
    }

    /// The same session on connections of its own: for work on another runtime.
    pub(super) fn apart(&self) -> Self {
        let Inner { config, region, guard, manner, .. } = &*self.0;
        Self::over(config.clone(), region.clone(), guard.clone(), manner.clone())
    }

    /// Time between two looks at something that AWS is working on.
    pub(super) fn poll(&self) -> Duration {
        self.0.manner.poll
    }

    /// How long AWS may be out of reach while something is watched.
    pub(super) fn outage(&self) -> Duration {
        self.0.manner.outage
    }

    /// The role that CloudFormation takes, if one was named.
    pub(super) fn deploy_role(&self) -> Option<&str> {
        self.0.manner.deploy_role.as_deref()
    }

    /// Has a person agreed to this loss of data, written as `stack/LogicalId`, or as the name of what goes?
    pub(super) fn agreed(&self, loss: &str) -> bool {
        self.0.manner.consents.contains(loss)
    }

    pub(super) fn guard(&self) -> &Guard {
        &self.0.guard
    }

    pub(super) fn config(&self) -> &SdkConfig {
        &self.0.config
    }

    pub(super) fn cloudformation(&self) -> &aws_sdk_cloudformation::Client {
        let Inner { config, guard, cloudformation, .. } = &*self.0;
        cloudformation.get_or_init(|| {
            aws_sdk_cloudformation::Client::from_conf(
                aws_sdk_cloudformation::config::Builder::from(config)
                    .interceptor(guard.clone())
                    .timeout_config(timeouts(CLOUDFORMATION_TRY))
                    .build(),
            )
        })
    }
}

/// One client for each service, made when it is first asked for, with the guard before every call.
macro_rules! clients {
    ($($name:ident: $sdk:ident),+ $(,)?) => {
        impl Aws {
            $(pub(super) fn $name(&self) -> &$sdk::Client {
                let Inner { config, guard, $name, .. } = &*self.0;
                $name.get_or_init(|| $sdk::Client::from_conf($sdk::config::Builder::from(config).interceptor(guard.clone()).build()))
            })+
        }
    };
}

clients! {
    elbv2: aws_sdk_elasticloadbalancingv2,
    sts: aws_sdk_sts,
    ecr: aws_sdk_ecr,
    ecs: aws_sdk_ecs,
    secretsmanager: aws_sdk_secretsmanager,
    route53: aws_sdk_route53,
    rds: aws_sdk_rds,
    pricing: aws_sdk_pricing,
    backup: aws_sdk_backup,
    cloudwatchlogs: aws_sdk_cloudwatchlogs,
    cognito: aws_sdk_cognitoidentityprovider,
    iam: aws_sdk_iam,
    quotas: aws_sdk_servicequotas,
}

/// `attempt`: how long one try may take.
fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).operation_attempt_timeout(attempt).operation_timeout(CALL).build()
}

/// Whether an endpoint is on this machine.
fn here(endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    ["127.", "localhost", "[::1]"].iter().any(|name| host.starts_with(name))
}

async fn load(options: &Options, region: Region) -> SdkConfig {
    // the instance metadata service gets one short try, so that a laptop without credentials hears so at once
    let metadata = aws_config::imds::Client::builder()
        .max_attempts(1)
        .connect_timeout(Duration::from_millis(500))
        .read_timeout(Duration::from_secs(1))
        .operation_timeout(Duration::from_millis(1500))
        .build();
    let mut credentials = DefaultCredentialsChain::builder().region(region.clone()).imds_client(metadata);
    if let Some(profile) = &options.profile {
        credentials = credentials.profile_name(profile);
    }
    let keys = match &options.keys {
        Some(keys) => keys.clone(),
        None => SharedCredentialsProvider::new(credentials.build().await),
    };
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .credentials_provider(keys)
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES).with_max_backoff(LONGEST_PAUSE))
        .timeout_config(timeouts(Duration::from_secs(60)));
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = &options.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}

#[cfg(test)]
impl Aws {
    /// A session with made-up keys and an endpoint of the test's own.
    pub(super) async fn for_test(endpoint: &str, access: Access) -> Self {
        use aws_sdk_sts::config::Credentials;
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(endpoint)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
            .retry_config(RetryConfig::disabled())
            .load()
            .await;
        let manner =
            Manner { poll: Duration::from_millis(10), outage: Duration::from_secs(1), deploy_role: None, consents: BTreeSet::new() };
        Self::over(config, "us-east-1".into(), Guard::new(access), manner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts connections and closes them; returns its URL and the count.
    async fn counting_server() -> (String, Arc<AtomicUsize>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(AtomicUsize::new(0));
        let count = seen.clone();
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        (url, seen)
    }

    #[tokio::test]
    async fn a_write_on_a_read_only_session_sends_no_byte() {
        let (url, seen) = counting_server().await;
        let aws = Aws::for_test(&url, Access::ReadOnly).await;
        let write = aws.cloudformation().delete_stack().stack_name("x").send().await;
        let error = write.map_err(|e| super::super::fault::fault("cloudformation:DeleteStack", e)).unwrap_err();
        assert_eq!(error.kind, Kind::Refused);
        assert_eq!(error.what, "DeleteStack would change something, and this is a dry run");
        assert_eq!(seen.load(Ordering::SeqCst), 0);

        // and the same server is reached by a read, so the count means something
        let read = aws.identity().await.unwrap_err();
        assert_eq!(read.kind, Kind::Unreachable);
        assert_eq!(seen.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_pinned_account_must_be_checked_before_the_first_write() {
        let (url, seen) = counting_server().await;
        let aws = Aws::for_test(&url, Access::ReadWrite).await;
        aws.pin("123456789012");
        let error = aws
            .ecr()
            .create_repository()
            .repository_name("x")
            .send()
            .await
            .map_err(|e| super::super::fault::fault("ecr:CreateRepository", e))
            .unwrap_err();
        assert_eq!(error.kind, Kind::Refused);
        assert_eq!(seen.load(Ordering::SeqCst), 0);
    }
}
