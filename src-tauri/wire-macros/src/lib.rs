//! The attribute that makes a type one of the wire's.
//!
//! It knows nothing of the types it is put on: it adds derives, and reads no field.

use proc_macro::{TokenStream, TokenTree};

/// What every body has: it is written and read as JSON, compared, and known to JSON Schema, OpenAPI and
/// TypeScript. `#[wire_type(Copy, Hash)]` derives those as well. `#[wire_type(secret)]` leaves `Debug`
/// out, for what no log may hold.
#[proc_macro_attribute]
pub fn wire_type(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut derives = String::new();
    let mut secret = false;
    for argument in arguments {
        match argument {
            TokenTree::Ident(word) if word.to_string() == "secret" => secret = true,
            TokenTree::Ident(more) => derives.push_str(&format!("{more}, ")),
            _ => {}
        }
    }
    if !secret {
        derives.push_str("Debug, ");
    }
    let derive = format!(
        "#[derive({derives}Clone, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize, \
         ::schemars::JsonSchema, ::utoipa::ToSchema, ::specta::Type)]"
    );
    let mut whole: TokenStream = derive.parse().unwrap_or_default();
    whole.extend(item);
    whole
}
