//! Encryption: what each `sslmode` checks, on rustls with the system's authorities and an optional PEM file.
//! Never weakens a mode that was asked for.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Context, Error, Kind, Result};
use crate::postgres::connector::SslMode;

/// The TLS side of a connection. `prefer` and `require` encrypt without checking who answers, as libpq does, unless a root file
/// is named, which makes `require` into `verify-ca`; `verify-ca` checks the chain; `verify-full` also the host name.
pub fn connector(mode: SslMode, root_cert: Option<&Path>) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().or_fail(
        Kind::Bug,
        "cannot set TLS up",
        "report this",
    )?;
    let config = match (mode, root_cert) {
        (SslMode::Disable | SslMode::Prefer, _) | (SslMode::Require, None) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Encrypted(provider))).with_no_client_auth()
        }
        (SslMode::VerifyCa, _) | (SslMode::Require, Some(_)) => {
            let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(root_cert)?), provider).build().or_fail(
                Kind::Input,
                "no certificate authority is trusted",
                "name a PEM file with sslrootcert=",
            )?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(ChainOnly(chain))).with_no_client_auth()
        }
        (SslMode::VerifyFull, _) => builder.with_root_certificates(roots(root_cert)?).with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

/// The authorities in the file, or those the system trusts.
fn roots(file: Option<&Path>) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    match file {
        Some(path) => {
            let what = format!("cannot read certificates from {}", path.display());
            let hint = "sslrootcert must name a PEM file; for RDS take https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem";
            for certificate in CertificateDer::pem_file_iter(path).or_fail(Kind::Input, &what, hint)? {
                store.add(certificate.or_fail(Kind::Input, &what, hint)?).or_fail(Kind::Input, &what, hint)?;
            }
            if store.is_empty() {
                return Err(Error::new(Kind::Input, what).cause("it holds none").hint(hint));
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                return Err(Error::new(Kind::Input, "this machine has no trusted certificate authorities")
                    .hint("install the package ca-certificates, or name a PEM file with sslrootcert="));
            }
        }
    }
    Ok(store)
}

/// Encryption without identity.
#[derive(Debug)]
struct Encrypted(Arc<CryptoProvider>);

impl ServerCertVerifier for Encrypted {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The chain must be trusted; the name in it may be another.
#[derive(Debug)]
struct ChainOnly(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for ChainOnly {
    fn verify_server_cert(
        &self,
        cert: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.0.verify_server_cert(cert, chain, name, ocsp, now) {
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
        self.0.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
