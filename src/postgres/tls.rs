//! Encryption: what each `sslmode` checks, on rustls with the authorities of `authorities.rs`.
//! Never weakens a mode that was asked for.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Context, Kind, Result};
use crate::postgres::authorities;
use crate::postgres::encryption::{SslMode, Trust};

/// The TLS side of a connection. `prefer` and `require` encrypt without checking who answers, as libpq does, unless a root file
/// is named, which makes `require` into `verify-ca`; `verify-ca` checks the chain; `verify-full` also the host name.
pub fn connector(mode: SslMode, trust: &Trust) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().or_fail(
        Kind::Bug,
        "cannot set TLS up",
        "report this",
    )?;
    let config = match (mode, trust) {
        (SslMode::Disable | SslMode::Prefer, _) | (SslMode::Require, Trust::Usual | Trust::System) => {
            let verifier = Lenient { chain: None, provider };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
        (SslMode::VerifyCa, _) | (SslMode::Require, Trust::File(_)) => {
            let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(authorities::store(trust)?), provider.clone())
                .build()
                .or_fail(Kind::Input, "no certificate authority is trusted", "name a PEM file with sslrootcert=")?;
            let verifier = Lenient { chain: Some(chain), provider };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
        (SslMode::VerifyFull, _) => builder.with_root_certificates(authorities::store(trust)?).with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

/// Checks less than the host's name: the chain, or nothing of who answers. That the server holds the key of its certificate is always checked.
#[derive(Debug)]
struct Lenient {
    /// The chain must be trusted; the name in it may be another. `None`: encryption without identity.
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        cert: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(trusted) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match trusted.verify_server_cert(cert, chain, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
