//! The certificate authorities that are trusted when nobody names one: those of the system, and Amazon's, which travel in the binary.
//! Never trusts more than was asked for: `sslrootcert=` replaces them all.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::{Context, Error, Kind, Result};
use crate::postgres::encryption::Trust;

/// Amazon's: those of RDS and Aurora, which no system has, and the public ones. Dated and with their source inside.
const BUILT_IN: [&str; 2] = [include_str!("../../assets/certificates/rds.pem"), include_str!("../../assets/certificates/amazon-roots.pem")];

const HINT: &str = "sslrootcert must name a PEM file with certificate authorities; leave it out to trust the system's and Amazon's own";

/// The authorities that are meant, for checking a chain.
pub fn store(trust: &Trust) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    match trust {
        Trust::File(path) => {
            let what = format!("cannot read certificates from {}", path.display());
            for certificate in CertificateDer::pem_file_iter(path).or_fail(Kind::Input, &what, HINT)? {
                store.add(certificate.or_fail(Kind::Input, &what, HINT)?).or_fail(Kind::Input, &what, HINT)?;
            }
            if store.is_empty() {
                return Err(Error::new(Kind::Input, what).cause("it holds none").hint(HINT));
            }
        }
        Trust::System => {
            store.add_parsable_certificates(system());
            if store.is_empty() {
                return Err(Error::new(Kind::Input, "this machine has no trusted certificate authorities")
                    .hint("install the package ca-certificates, or leave sslrootcert=system out: Amazon's authorities are built in"));
            }
        }
        Trust::Usual => {
            store.add_parsable_certificates(system());
            store.add_parsable_certificates(built_in());
        }
    }
    Ok(store)
}

/// The same as one PEM text, for a program that uses libpq; `None` when a file is named, which it can read itself.
pub fn pem(trust: &Trust) -> Option<String> {
    match trust {
        Trust::File(_) => None,
        Trust::System => Some(system().iter().map(encode).collect()),
        Trust::Usual => Some(system().iter().map(encode).chain(BUILT_IN.map(str::to_owned)).collect()),
    }
}

/// What could be read of the system's; what could not is another program's concern.
fn system() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

fn built_in() -> Vec<CertificateDer<'static>> {
    BUILT_IN.iter().flat_map(|text| CertificateDer::pem_slice_iter(text.as_bytes())).flatten().collect()
}

/// RFC 7468: base64 in lines of 64 between two marks.
fn encode(certificate: &CertificateDer<'static>) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in certificate.chunks(48) {
        for three in line.chunks(3) {
            let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
            for place in 0..4 {
                let index = (bits >> (18 - 6 * place)) & 63;
                out.push(if place > three.len() { '=' } else { char::from(ALPHABET[index as usize]) });
            }
        }
        out.push('\n');
    }
    out + "-----END CERTIFICATE-----\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazons_authorities_are_built_in_and_none_has_expired() {
        let today = jiff::Timestamp::now().to_string();
        let lines: Vec<&str> = BUILT_IN.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("# subject ")).collect();
        for line in &lines {
            let (_, until) = line.rsplit_once(", valid until ").unwrap();
            assert!(until > &today[..10], "{line}");
        }
        // each is read, each can vouch for a server, and each has its line
        assert_eq!(lines.len(), 92);
        assert_eq!(built_in().len(), 92);
        assert_eq!(RootCertStore::empty().add_parsable_certificates(built_in()), (92, 0));
        for name in ["Amazon RDS eu-west-1 Root CA RSA2048 G1", "Amazon RDS us-east-1 Root CA ECC384 G1", "Amazon Root CA 1"] {
            assert!(lines.iter().any(|line| line.contains(&format!(" {name}, "))), "{name}");
        }
        for text in BUILT_IN {
            assert!(text.contains("\n# as_of: 20") && text.contains("\n# source: "));
        }
    }

    #[test]
    fn one_text_holds_what_the_store_holds() {
        let text = pem(&Trust::Usual).unwrap();
        let read: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().unwrap();
        assert_eq!(read, [system(), built_in()].concat());
        assert!(pem(&Trust::File("/ca.pem".into())).is_none());
    }
}
