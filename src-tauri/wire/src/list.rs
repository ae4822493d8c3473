//! Lists, in the shape of Close's API.

use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
    specta::Type,
)]
pub struct List<T> {
    /// The items of this page.
    pub data: Vec<T>,
    /// Whether there are more after this page.
    pub has_more: bool,
    /// What to give as `_cursor` for the page after this one; not there when there is none, or when
    /// the list is read by `_skip` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// How many items at most: 1 to 200, 100 when not given.
    #[serde(rename = "_limit", skip_serializing_if = "Option::is_none")]
    #[param(rename = "_limit", minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// How many items to pass over: 0 when not given.
    #[serde(rename = "_skip", skip_serializing_if = "Option::is_none")]
    #[param(rename = "_skip")]
    pub skip: Option<u32>,
    /// The `cursor` of the page before. What is added or deleted meanwhile moves nothing, as it does
    /// with `_skip`.
    #[serde(rename = "_cursor", skip_serializing_if = "Option::is_none")]
    #[param(rename = "_cursor")]
    pub cursor: Option<String>,
}

impl ListQuery {
    /// Items a page has at most.
    pub const LIMIT_MAX: u32 = 200;

    /// The page's size, within its bounds.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(100).clamp(1, Self::LIMIT_MAX)
    }

    /// How many items come before the page.
    #[must_use]
    pub fn skip(&self) -> u32 {
        self.skip.unwrap_or(0)
    }
}
