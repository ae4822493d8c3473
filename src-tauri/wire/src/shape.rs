//! How a part of a route looks outside of Rust: in OpenAPI, in TypeScript, in a path.

use specta::datatype::DataType;
use std::collections::BTreeMap;
use utoipa::openapi::{Ref, RefOr, Schema};

/// The schemas that a document has collected, by name.
pub type Schemas = BTreeMap<String, RefOr<Schema>>;

/// How a part of a route looks outside of Rust.
pub trait Shape {
    /// In OpenAPI; none when it is nothing, or not JSON. What it is made of is collected.
    fn schema(schemas: &mut Schemas) -> Option<RefOr<Schema>>;

    /// In TypeScript; none when it is nothing, or not JSON. What it is made of is collected.
    fn typescript(types: &mut specta::Types) -> Option<DataType>;
}

/// The id in a path, or `()`.
pub trait PathId: Shape + Sized + Send + 'static {
    /// Reads it; the text is empty where the path has no id.
    fn read(text: &str) -> Option<Self>;

    /// As it stands in the path.
    fn as_text(&self) -> &str;
}

impl Shape for () {
    fn schema(_: &mut Schemas) -> Option<RefOr<Schema>> {
        None
    }

    fn typescript(_: &mut specta::Types) -> Option<DataType> {
        None
    }
}

impl PathId for () {
    fn read(text: &str) -> Option<Self> {
        text.is_empty().then_some(())
    }

    fn as_text(&self) -> &'static str {
        ""
    }
}

/// Collects a type with all that it is made of, and refers to it.
pub(crate) fn refer<T: utoipa::ToSchema>(schemas: &mut Schemas) -> Option<RefOr<Schema>> {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    schemas.extend(parts);
    schemas.insert(T::name().into_owned(), T::schema());
    Some(Ref::from_schema_name(T::name()).into())
}
