//! Lists, in the shape of Close's API.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// One page of a list.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, specta::Type,
)]
pub struct List<T> {
    /// The items of this page.
    pub data: Vec<T>,
    /// Whether there are more items after this page.
    pub has_more: bool,
    /// Where the next page begins, for `_cursor`; null at the end.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl<T> List<T> {
    /// All that there is, on one page.
    #[must_use]
    pub const fn whole(data: Vec<T>) -> Self {
        Self {
            data,
            has_more: false,
            cursor: None,
        }
    }
}

// By hand, since a name that tells lists of different things apart cannot be derived.
impl<T: ToSchema> ToSchema for List<T> {
    fn name() -> Cow<'static, str> {
        format!("List_{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T: ToSchema> PartialSchema for List<T> {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new()
            .items(Ref::from_schema_name(T::name()))
            .description(Some("The items of this page."));
        let has_more = ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .description(Some("Whether there are more items after this page."));
        let cursor = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some(
                "Where the next page begins, for `_cursor`; null at the end.",
            ));
        ObjectBuilder::new()
            .description(Some("One page of a list."))
            .property("data", items)
            .property("has_more", has_more)
            .property("cursor", cursor)
            .required("data")
            .required("has_more")
            .into()
    }
}

/// A query for a list: its own fields, and which page is wanted. `#[serde(flatten)]` would read the
/// numbers of a query as text.
macro_rules! list_query {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$field_meta:meta])* pub $field:ident: Option<$type:ty>,)*
    }) => {
        $(#[$meta])*
        #[derive(
            Debug,
            Clone,
            PartialEq,
            Eq,
            Default,
            serde::Serialize,
            serde::Deserialize,
            utoipa::IntoParams,
            specta::Type,
        )]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
            /// How many items at most, 1 to 200. Without it, 100.
            #[serde(rename = "_limit", default, skip_serializing_if = "Option::is_none")]
            #[param(rename = "_limit", minimum = 1, maximum = 200)]
            pub limit: Option<u32>,
            /// How many items to skip. Without it, 0.
            #[serde(rename = "_skip", default, skip_serializing_if = "Option::is_none")]
            #[param(rename = "_skip", maximum = 2147483647)]
            pub skip: Option<u32>,
            /// Where the page begins: the `cursor` of the page before it. `_skip` counts from there.
            #[serde(rename = "_cursor", default, skip_serializing_if = "Option::is_none")]
            #[param(rename = "_cursor", max_length = 2048)]
            pub cursor: Option<String>,
        }

        impl $name {
            /// Which page is wanted.
            #[must_use]
            pub fn page(&self) -> $crate::ListQuery {
                $crate::ListQuery {
                    limit: self.limit,
                    skip: self.skip,
                    cursor: self.cursor.clone(),
                }
            }
        }
    };
}
pub(crate) use list_query;

list_query! {
    /// Which page of a list to return.
    ListQuery {}
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
