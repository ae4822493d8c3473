//! Whom a trunk over TLS believes, and what it shows of us.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsipstack::transport::tls::TlsConfig;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::Path;

use crate::error::TrunkError;
use crate::settings::{TrunkSettings, read_file};

/// What the stack is to know of a trunk. The certificate is shown when we listen, and when the trunk asks
/// for one as we call.
///
/// # Errors
/// [`TrunkError::File`] when a file cannot be read, or is not what it should be.
pub(crate) fn config(settings: &TrunkSettings) -> Result<TlsConfig, TrunkError> {
    let own = match (&settings.certificate, &settings.key) {
        (Some(certificate), Some(key)) => Some(pair(certificate, key)?),
        _ => None,
    };
    let (certificate, key) = own.unzip();
    let authorities = match &settings.ca {
        Some(path) => authorities_of(path)?,
        None => authorities_of_system(),
    };
    Ok(TlsConfig {
        cert: certificate.clone(),
        key: key.clone(),
        client_cert: certificate,
        client_key: key,
        ca_certs: Some(authorities),
        sni_hostname: Some(settings.host.clone()),
    })
}

/// A certificate and its key, in PEM. What the stack could not use is found out before anyone calls.
fn pair(certificate: &Path, key: &Path) -> Result<(Vec<u8>, Vec<u8>), TrunkError> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        TrunkError::File(path.to_owned(), error.to_string())
    };
    let (shown, secret) = (read_file(certificate)?, read_file(key)?);
    let chain = CertificateDer::pem_slice_iter(&shown).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| failed(certificate, &error))?;
    let own = PrivateKeyDer::from_pem_slice(&secret).map_err(|error| failed(key, &error))?;
    if matches!(own, PrivateKeyDer::Sec1(_)) {
        return Err(failed(key, &"the key must be in PKCS #8 or PKCS #1"));
    }
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| rustls::crypto::aws_lc_rs::default_provider().into());
    CertifiedKey::from_der(chain, own, &provider).map_err(|error| failed(certificate, &error))?;
    Ok((shown, secret))
}

/// The authorities in a file, in PEM.
fn authorities_of(path: &Path) -> Result<Vec<u8>, TrunkError> {
    let text = read_file(path)?;
    let (pem, skipped) = readable(CertificateDer::pem_slice_iter(&text).map(Result::ok));
    if pem.is_empty() {
        return Err(TrunkError::File(
            path.to_owned(),
            "it contains no authority's certificate".into(),
        ));
    }
    if skipped > 0 {
        tracing::warn!(file = %path.display(), skipped, "skipped unreadable certificate authorities");
    }
    Ok(pem)
}

/// The system's authorities, in PEM.
fn authorities_of_system() -> Vec<u8> {
    let found = rustls_native_certs::load_native_certs();
    let (pem, unreadable) = readable(found.certs.into_iter().map(Some));
    let skipped = unreadable + found.errors.len();
    if skipped > 0 {
        tracing::warn!(skipped, "skipped unreadable system certificate authorities");
    }
    if pem.is_empty() {
        tracing::error!("the system has no certificate authorities: no TLS trunk will be trusted");
    }
    pem
}

/// Those that can be believed, in PEM, and how many cannot: the stack would take one of them as a reason
/// to believe no one.
fn readable<'a>(all: impl Iterator<Item = Option<CertificateDer<'a>>>) -> (Vec<u8>, usize) {
    let mut store = RootCertStore::empty();
    let (mut pem, mut skipped) = (String::new(), 0);
    for certificate in all {
        let readable = certificate.filter(|certificate| store.add(certificate.clone()).is_ok());
        let Some(certificate) = readable else {
            skipped += 1;
            continue;
        };
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        pem.push_str(&STANDARD.encode(&certificate));
        pem.push_str("\n-----END CERTIFICATE-----\n");
    }
    (pem.into_bytes(), skipped)
}
