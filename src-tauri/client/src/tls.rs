//! Whom a secure connection trusts: what the operating system trusts.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use crate::error::ClientError;

/// The configuration of every secure connection of a client.
pub(crate) fn config() -> Result<ClientConfig, ClientError> {
    let error = |error: rustls::Error| ClientError::Settings(error.to_string());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(error)?
        .with_platform_verifier()
        .map_err(error)?
        .with_no_client_auth())
}
