//! The address of a service.

use crate::error::AppError;

/// An address that a password may be sent to: encrypted, or on this machine.
///
/// # Errors
/// When it is neither.
pub fn checked(address: &str) -> Result<String, AppError> {
    let address = address.trim();
    let url = url::Url::parse(address).map_err(|_| {
        let message =
            "That's not a valid server address. Enter one such as https://calls.example.com.";
        AppError::new("settings", message)
    })?;
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" if url.has_host() => Ok(address.into()),
        "http" if local => Ok(address.into()),
        _ => Err(AppError::new(
            "settings",
            "The server address must start with https://, so that no one can read your password.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_out_encrypted_or_not_at_all() {
        for good in [
            "https://calls.example",
            " https://10.0.0.1:8443 ",
            "http://127.0.0.1:7780",
            "http://localhost:1",
        ] {
            assert!(checked(good).is_ok(), "{good}");
        }
        for bad in [
            "http://calls.example",
            "http://127.0.0.1.example",
            "ftp://localhost",
            "calls",
            "",
            "https://",
        ] {
            assert_eq!(checked(bad).unwrap_err().code, "settings", "{bad}");
        }
    }
}
