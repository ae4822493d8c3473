//! All that an organization has in the store: to be taken along, or deleted.

use crate::StoreError;
use crate::database::Database;
use crate::sql::{Row, sql};
use serde_json::{Map, Value, json};
use wire::{CallId, LeadId, OrganizationId};

/// A piece of an export: its place, by which reading goes on, and itself as JSON.
pub type Piece = (String, String);

/// What a column of an export is.
#[derive(Debug, Clone, Copy)]
enum Field {
    Text,
    Number,
    Truth,
    Moment,
    /// A text with commas.
    List,
}

use Field::{List, Moment, Number, Text, Truth};

/// How a row becomes a piece.
enum Shape {
    /// An object with these columns.
    Columns(&'static [(&'static str, Field)]),
    /// The body as it is, with the id of its call where it is not in it.
    Body,
}

/// A section of an export. `$1` is the organization, `$2` the place before, `$3` how many; the column
/// of places comes as `place`. A table of an organization's that is new gets its section here.
struct Section {
    name: &'static str,
    query: &'static str,
    shape: Shape,
}

const SECTIONS: &[Section] = &[
    Section {
        name: "organization",
        query: "SELECT id AS place, id, name, country, time_zone, plan, low_balance AS low_balance_micro_dollars,
                    recording_enabled AS \"recording.enabled\",
                    recording_announced AS \"recording.announced\",
                    recording_retention_days AS \"recording.retention_days\",
                    second_factor_required
                FROM organization WHERE id = $1 AND id > $2 ORDER BY id LIMIT $3",
        shape: Shape::Columns(&[
            ("id", Text),
            ("name", Text),
            ("country", Text),
            ("time_zone", Text),
            ("plan", Text),
            ("recording.enabled", Truth),
            ("recording.announced", Truth),
            ("recording.retention_days", Number),
            ("low_balance_micro_dollars", Number),
            ("second_factor_required", Truth),
        ]),
    },
    Section {
        name: "members",
        query: "SELECT membership.id AS place, membership.id AS membership_id,
                    account.id AS \"user.id\", first_name AS \"user.first_name\",
                    last_name AS \"user.last_name\", email AS \"user.email\",
                    role_id, active, recording
                FROM membership JOIN account ON account.id = membership.account_id
                WHERE organization_id = $1 AND membership.id > $2 ORDER BY membership.id LIMIT $3",
        shape: Shape::Columns(&[
            ("membership_id", Text),
            ("user.id", Text),
            ("user.first_name", Text),
            ("user.last_name", Text),
            ("user.email", Text),
            ("role_id", Text),
            ("active", Truth),
            ("recording", Text),
        ]),
    },
    Section {
        name: "roles",
        query: "SELECT id AS place, id, name, built_in,
                    (SELECT string_agg(permission, ',' ORDER BY permission) FROM role_permission
                     WHERE role_id = role.id) AS permissions
                FROM role WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        shape: Shape::Columns(&[
            ("id", Text),
            ("name", Text),
            ("built_in", Truth),
            ("permissions", List),
        ]),
    },
    Section {
        name: "groups",
        query: "SELECT id AS place, id, name,
                    (SELECT string_agg(account_id, ',' ORDER BY account_id) FROM team_member
                     WHERE team_id = team.id) AS members
                FROM team WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        shape: Shape::Columns(&[("id", Text), ("name", Text), ("members", List)]),
    },
    Section {
        name: "member_invites",
        query: "SELECT id AS place, id, email, role_id, inviter_id, account_id AS user_id,
                    created_at AS date_created, expires_at AS date_expires, revoked
                FROM member_invite WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        shape: Shape::Columns(&[
            ("id", Text),
            ("email", Text),
            ("role_id", Text),
            ("inviter_id", Text),
            ("user_id", Text),
            ("date_created", Moment),
            ("date_expires", Moment),
            ("revoked", Truth),
        ]),
    },
    Section {
        name: "phone_numbers",
        query: "SELECT id AS place, id, number, label, kind AS type, account_id AS user_id,
                    (SELECT string_agg(account_id, ',' ORDER BY account_id) FROM phone_number_user
                     WHERE phone_number_id = phone_number.id) AS user_ids
                FROM phone_number WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        shape: Shape::Columns(&[
            ("id", Text),
            ("number", Text),
            ("label", Text),
            ("type", Text),
            ("user_id", Text),
            ("user_ids", List),
        ]),
    },
    Section {
        name: "leads",
        query: "SELECT id AS place, id, display_name, description, status_id, owner_id,
                    date_created, date_updated
                FROM lead WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        shape: Shape::Columns(&[
            ("id", Text),
            ("display_name", Text),
            ("description", Text),
            ("status_id", Text),
            ("owner_id", Text),
            ("date_created", Moment),
            ("date_updated", Moment),
        ]),
    },
    Section {
        name: "lead_statuses",
        query: "SELECT id AS place, id, label, position
                FROM lead_status WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        shape: Shape::Columns(&[("id", Text), ("label", Text), ("position", Number)]),
    },
    Section {
        name: "contacts",
        query: "SELECT id AS place, id, lead_id, display_name,
                    (SELECT string_agg(number || coalesce(';ext=' || extension, ''), ','
                                       ORDER BY position)
                     FROM contact_phone WHERE contact_id = contact.id) AS phones,
                    (SELECT string_agg(kind, ',' ORDER BY position) FROM contact_phone
                     WHERE contact_id = contact.id) AS phone_types,
                    (SELECT string_agg(email, ',' ORDER BY position) FROM contact_email
                     WHERE contact_id = contact.id) AS emails,
                    (SELECT string_agg(kind, ',' ORDER BY position) FROM contact_email
                     WHERE contact_id = contact.id) AS email_types
                FROM contact WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        shape: Shape::Columns(&[
            ("id", Text),
            ("lead_id", Text),
            ("display_name", Text),
            ("phones", List),
            ("phone_types", List),
            ("emails", List),
            ("email_types", List),
        ]),
    },
    Section {
        name: "outcomes",
        query: "SELECT id AS place, id, name
                FROM outcome WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        shape: Shape::Columns(&[("id", Text), ("name", Text)]),
    },
    Section {
        name: "calls",
        query: "SELECT id AS place, body
                FROM call WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        shape: Shape::Body,
    },
    Section {
        name: "coach_legs",
        query: "SELECT id AS place, body, call_id
                FROM coach_leg WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        shape: Shape::Body,
    },
    Section {
        name: "invitations",
        query: "SELECT id AS place, body
                FROM invitation WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        shape: Shape::Body,
    },
    Section {
        name: "recordings",
        query: "SELECT call_id AS place, call_id, status, date_started, duration_ms, bytes, gaps
                FROM recording WHERE organization_id = $1 AND call_id > $2
                ORDER BY call_id LIMIT $3",
        shape: Shape::Columns(&[
            ("call_id", Text),
            ("status", Text),
            ("date_started", Moment),
            ("duration_ms", Number),
            ("bytes", Number),
            ("gaps", Text),
        ]),
    },
    Section {
        name: "ledger",
        query: "SELECT id AS place, id, date, kind, micro_dollars, call_id, leg_id,
                    account_id AS user_id, minute, note
                FROM ledger WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        shape: Shape::Columns(&[
            ("id", Text),
            ("date", Moment),
            ("kind", Text),
            ("micro_dollars", Number),
            ("call_id", Text),
            ("leg_id", Text),
            ("user_id", Text),
            ("minute", Number),
            ("note", Text),
        ]),
    },
    Section {
        name: AUDIT,
        query: "SELECT seq AS place, id, date, action, allowed, code, account_id AS user_id,
                    device_id, address, call_id, target, detail
                FROM audit WHERE organization_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        shape: Shape::Columns(&[
            ("id", Text),
            ("date", Moment),
            ("action", Text),
            ("allowed", Truth),
            ("code", Text),
            ("user_id", Text),
            ("device_id", Text),
            ("address", Text),
            ("call_id", Text),
            ("target", Text),
            ("detail", Text),
        ]),
    },
];

/// The one section whose places are numbers.
const AUDIT: &str = "audit";

impl Database {
    /// The names of the sections of an export, in their order.
    #[must_use]
    pub fn export_sections(&self) -> Vec<&'static str> {
        SECTIONS.iter().map(|section| section.name).collect()
    }

    /// The pieces of one section that come after this place, at most `limit`. Neither hashes of
    /// passwords nor tokens are among them.
    pub async fn export_pieces(
        &self,
        organization: &OrganizationId,
        section: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Piece>, StoreError> {
        let Some(section) = SECTIONS.iter().find(|one| one.name == section) else {
            return Err(StoreError::Fault("there is no such section".into()));
        };
        let query = sql(section.query).bind(organization.as_str());
        let query = if section.name == AUDIT {
            query.bind(after.parse().unwrap_or(0_i64))
        } else {
            query.bind(after)
        };
        let rows = query.bind(limit).all(&self.reader).await?;
        rows.iter()
            .map(|row| {
                let place = match section.name {
                    AUDIT => row.int("place")?.to_string(),
                    _ => row.text("place")?,
                };
                Ok((place, section.piece(row)?.to_string()))
            })
            .collect()
    }

    /// Every call with a lead.
    pub async fn calls_with_lead(
        &self,
        organization: &OrganizationId,
        lead: &LeadId,
    ) -> Result<Vec<CallId>, StoreError> {
        let rows = sql("SELECT id FROM call WHERE organization_id = $1 AND lead_id = $2")
            .bind(organization.as_str())
            .bind(lead.as_str())
            .all(&self.reader)
            .await?;
        rows.iter().map(|row| row.named("id")).collect()
    }
}

impl Section {
    fn piece(&self, row: &Row) -> Result<Value, StoreError> {
        let fields = match self.shape {
            Shape::Columns(fields) => fields,
            Shape::Body => {
                let mut body: Map<String, Value> = row.body()?;
                if self.query.contains("call_id") {
                    body.insert("call_id".into(), row.text("call_id")?.into());
                }
                return Ok(body.into());
            }
        };
        let mut piece = json!({});
        for (name, field) in fields {
            let value = match field {
                Text => json!(row.optional_text(name)?),
                Number => json!(row.optional_int(name)?),
                Truth => json!(row.truth(name)?),
                Moment => json!(row.moment(name)?),
                List => json!(row.list::<String>(name)?),
            };
            match name.split_once('.') {
                Some((whole, part)) => piece[whole][part] = value,
                None => piece[name] = value,
            }
        }
        Ok(piece)
    }
}
