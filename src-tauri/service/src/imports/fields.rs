//! How cells are read: as the fields of a form are, with what the organization has.

use crate::names::{self, NameError};
use import::Fields;
use std::collections::HashMap;
use store::{DESCRIPTION_CHARS_MAX, Database, StoreError};
use wire::{ListQuery, OrganizationId};

/// The longest name of a lead or a contact, in characters.
const NAME_CHARS_MAX: usize = 200;

/// What an organization's cells are read with.
pub struct Known {
    country: String,
    /// By label, in lower case.
    statuses: HashMap<String, String>,
    /// By name and by email address, in lower case; none for a name that several have.
    members: HashMap<String, Option<String>>,
}

impl Known {
    /// Those of an organization, as they are now.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be read.
    pub async fn of(store: &Database, organization: &OrganizationId) -> Result<Self, StoreError> {
        let mut known = Self {
            country: store.country(organization).await?,
            statuses: HashMap::new(),
            members: HashMap::new(),
        };
        let page = ListQuery {
            limit: Some(ListQuery::LIMIT_MAX),
            ..ListQuery::default()
        };
        for status in store.lead_statuses(organization, &page).await?.data {
            let id = status.id.as_str().to_owned();
            known.statuses.insert(status.label.to_lowercase(), id);
        }
        let mut page = page;
        loop {
            let users = store.users(organization, &page).await?;
            for user in users.data {
                let name = format!("{} {}", user.first_name, user.last_name);
                known.member(&name, user.id.as_str());
                known.member(&user.email, user.id.as_str());
                known.member(user.id.as_str(), user.id.as_str());
            }
            match users.cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => return Ok(known),
            }
        }
    }

    fn member(&mut self, name: &str, id: &str) {
        self.members
            .entry(name.trim().to_lowercase())
            // Two people of one name: no one is guessed.
            .and_modify(|known| {
                if known.as_deref() != Some(id) {
                    *known = None;
                }
            })
            .or_insert_with(|| Some(id.to_owned()));
    }
}

impl Fields for Known {
    fn name(&self, text: &str) -> Result<String, String> {
        names::checked_to(text, NAME_CHARS_MAX).map_err(|error| match error {
            NameError::TooLong => format!("Names can be up to {NAME_CHARS_MAX} characters long."),
            other => other.to_string(),
        })
    }

    fn phone(&self, text: &str) -> Result<(String, Option<String>), String> {
        let number = numbers::read(text, &self.country).map_err(|error| error.to_string())?;
        Ok((number.e164, number.extension))
    }

    fn email(&self, text: &str) -> Result<String, String> {
        names::email(text).ok_or_else(|| "This isn't an email address.".to_owned())
    }

    fn status(&self, text: &str) -> Result<String, String> {
        let known = self.statuses.get(&text.to_lowercase());
        known
            .cloned()
            .ok_or_else(|| "There's no lead status with this name. An admin can add it.".to_owned())
    }

    fn owner(&self, text: &str) -> Result<String, String> {
        match self.members.get(&text.to_lowercase()) {
            Some(Some(id)) => Ok(id.clone()),
            Some(None) => Err("Several members have this name. Use an email address.".to_owned()),
            None => Err("No active member has this name or email address.".to_owned()),
        }
    }

    fn description(&self, text: &str) -> Result<String, String> {
        if text.chars().count() > DESCRIPTION_CHARS_MAX {
            return Err(format!(
                "A description can be up to {DESCRIPTION_CHARS_MAX} characters long."
            ));
        }
        // No engine keeps it, and no one writes it.
        Ok(text.trim().replace('\0', ""))
    }
}
