//! What whoever runs the service does from the command line, also while it runs (O1, O5).

use crate::config::Config;
use crate::{names, places};
use store::clock::now;
use store::random::{self, id_suffix};
use store::{Database, NewOrganization, NewSetupLink, Operation, OrganizationSummary, StoreError};
use wire::{ListQuery, MicroDollars, OrganizationId, PhoneNumberKind, Plan};

const HOUR_MS: i64 = 3_600_000;
const NOTE_BYTES_MAX: usize = 500;
/// The most that is put in or taken out at once: a million dollars.
const CREDIT_MAX: i64 = 1_000_000_000_000;

/// Why a task was not done.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// What was asked can't be taken.
    #[error("{0}")]
    Invalid(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a set-up link begins.
#[derive(Debug, Clone)]
pub struct SetupLinkRequest {
    /// The organization that waits for its first admin; none makes a new one.
    pub organization: Option<OrganizationId>,
    /// The plan of a new organization.
    pub plan: Plan,
    /// Whether a new organization's admins may add credit by themselves.
    pub top_up_allowed: bool,
    /// Hours until it expires.
    pub hours: u32,
}

impl Default for SetupLinkRequest {
    fn default() -> Self {
        Self {
            organization: None,
            plan: Plan::Enterprise,
            top_up_allowed: false,
            hours: 72,
        }
    }
}

/// The store of a service with these settings, for a task beside it.
///
/// # Errors
/// [`StoreError`] when it can't be opened.
pub async fn open(config: &Config) -> Result<Database, StoreError> {
    match &config.database {
        Some(url) => Database::connect(url, false).await,
        None => Database::open(&config.data, config.data_bytes_max, false).await,
    }
}

/// Makes a set-up link, and gives it: it is shown once (O1).
///
/// # Errors
/// [`OperatorError`].
pub async fn setup_link(
    store: &Database,
    config: &Config,
    request: SetupLinkRequest,
) -> Result<String, OperatorError> {
    let token = random::secret();
    let now = now();
    store
        .create_setup_link(&NewSetupLink {
            token_hash: random::hash(&token),
            organization_id: request.organization,
            plan: request.plan,
            top_up_allowed: request.top_up_allowed,
            now,
            expires_at: now.plus_millis(i64::from(request.hours) * HOUR_MS),
        })
        .await?;
    // After the #: browsers send that to no server.
    Ok(format!("{}/setup/#{token}", config.public_url()))
}

/// Makes an organization that waits for its first admin, and gives its id.
///
/// # Errors
/// [`OperatorError`].
pub async fn create_organization(
    store: &Database,
    (name, country, time_zone): (&str, &str, &str),
    plan: Plan,
    top_up_allowed: bool,
) -> Result<OrganizationId, OperatorError> {
    let invalid = |text: &str| OperatorError::Invalid(text.to_owned());
    let new = NewOrganization {
        id: OrganizationId::from_suffix(&id_suffix(now()))
            .map_err(|error| OperatorError::Invalid(error.to_string()))?,
        name: names::checked(name).map_err(|error| OperatorError::Invalid(error.to_string()))?,
        plan,
        country: places::country(country)
            .ok_or_else(|| invalid("the country must be two letters (ISO 3166-1), such as US"))?,
        time_zone: places::time_zone(time_zone)
            .ok_or_else(|| invalid("the time zone must be a name such as Europe/Berlin (IANA)"))?,
        top_up_allowed,
        now: now(),
    };
    store.create_organization(&new).await?;
    Ok(new.id)
}

/// Every organization, by name.
///
/// # Errors
/// [`StoreError`].
pub async fn organizations(store: &Database) -> Result<Vec<OrganizationSummary>, StoreError> {
    let mut all = Vec::new();
    let mut page = ListQuery::default();
    loop {
        let list = store.organizations(&page).await?;
        all.extend(list.data);
        page.cursor = list.cursor;
        if page.cursor.is_none() {
            return Ok(all);
        }
    }
}

/// Makes a change to an organization.
///
/// # Errors
/// [`OperatorError`].
pub async fn operate(
    store: &Database,
    organization: &OrganizationId,
    operation: &Operation,
) -> Result<(), OperatorError> {
    Ok(store.operate(organization, operation, now()).await?)
}

/// The assignment of a number.
///
/// # Errors
/// [`OperatorError::Invalid`] when it is no number in E.164 format, or has no label.
pub fn assignment(
    number: &str,
    label: &str,
    kind: PhoneNumberKind,
) -> Result<Operation, OperatorError> {
    Ok(Operation::Assign {
        number: e164(number)?,
        label: names::checked(label).map_err(|error| OperatorError::Invalid(error.to_string()))?,
        kind,
    })
}

/// A number as it is kept.
///
/// # Errors
/// [`OperatorError::Invalid`] when it is no number in E.164 format.
pub fn e164(text: &str) -> Result<String, OperatorError> {
    let digits = text.trim().strip_prefix('+').unwrap_or_default();
    let good = (3..=15).contains(&digits.len()) && digits.bytes().all(|one| one.is_ascii_digit());
    if good {
        Ok(format!("+{digits}"))
    } else {
        Err(OperatorError::Invalid(
            "the number must be + and 3 to 15 digits (E.164)".into(),
        ))
    }
}

/// Credit, or a correction below zero.
///
/// # Errors
/// [`OperatorError::Invalid`] when it is no amount, or has no note.
pub fn credit(dollars: &str, note: &str) -> Result<Operation, OperatorError> {
    let micro_dollars = micro_dollars(dollars)
        .filter(|amount| (1..=CREDIT_MAX).contains(&amount.abs()))
        .ok_or_else(|| {
            OperatorError::Invalid(
                "the amount must be in dollars, such as 25 or -3.50, with up to 6 decimals and up to \
                 1000000"
                    .into(),
            )
        })?;
    let note = note.trim();
    if note.is_empty() || note.len() > NOTE_BYTES_MAX || note.chars().any(char::is_control) {
        return Err(OperatorError::Invalid(format!(
            "the note must be 1 to {NOTE_BYTES_MAX} bytes on one line"
        )));
    }
    Ok(Operation::Credit {
        micro_dollars: MicroDollars(micro_dollars),
        note: note.to_owned(),
    })
}

/// Dollars as people write them, exactly.
fn micro_dollars(text: &str) -> Option<i64> {
    let text = text.trim().trim_start_matches('+');
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let text = text.trim_start_matches('$');
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |digits: &str| digits.bytes().all(|one| one.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !all_digits(whole) || !all_digits(part) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let part: i64 = format!("{part:0<6}").parse().ok()?;
    Some(sign * whole.checked_mul(1_000_000)?.checked_add(part)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o5_an_amount_is_read_exactly_or_not_at_all() {
        for (text, amount) in [
            ("25", 25_000_000),
            ("$3.50", 3_500_000),
            ("-0.000001", -1),
            ("+1.1", 1_100_000),
        ] {
            assert_eq!(micro_dollars(text), Some(amount), "{text}");
        }
        for bad in [
            "",
            "-",
            "$",
            ".5",
            "1,5",
            "1e3",
            "0.0000001",
            "--1",
            "١",
            "99999999999999999999",
        ] {
            assert_eq!(micro_dollars(bad), None, "{bad}");
        }
        assert!(credit("0", "nothing").is_err());
        assert!(credit("1", " ").is_err());
        assert!(credit("1", "two\nlines").is_err());
        assert!(credit("1000001", "too much").is_err());
        assert!(credit("-25", "Refund of invoice 7").is_ok());
    }

    #[test]
    fn o5_a_number_is_assigned_in_e164_only() {
        assert_eq!(e164(" +4930123456 ").unwrap(), "+4930123456");
        for bad in [
            "",
            "+",
            "030123456",
            "+49 30",
            "+4930abc",
            "+1234567890123456",
        ] {
            assert!(e164(bad).is_err(), "{bad}");
        }
    }
}
