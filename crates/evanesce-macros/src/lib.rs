#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod attributes;
mod category;
mod ephemeral;
mod event;
mod house;
mod names;
mod purpose;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Encodes a struct or enum into guarded memory, and wipes it field by field.
///
/// `#[ephemeral(schema = 3)]` sets the version of the layout (1 when left out) and
/// `#[ephemeral(max = 1024)]` the longest encoding in bytes. A type that implements `Debug` or
/// `Display` is refused, because personal data is not printed; an enum without fields may be
/// declared a closed vocabulary with `#[ephemeral(vocabulary)]`, and may then be printed.
/// `#[ephemeral(schema = 2, was = VisitV1)]` reads what was stored as an older type with a lower
/// schema, for deployments that roll: it needs `impl From<&mut VisitV1> for Visit`, which takes
/// out of the old value what it keeps; the rest is wiped.
/// `#[ephemeral(crate = "path")]` names the memory crate where it is not found by itself.
#[proc_macro_derive(Ephemeral, attributes(ephemeral))]
pub fn derive_ephemeral(input: TokenStream) -> TokenStream {
    expand(ephemeral::derive, parse_macro_input!(input))
}

/// Makes a type a purpose of processing.
///
/// `#[purpose(notice = "…", basis = "consent", keep = "12 months")]`: the sentence shown to
/// people, the legal basis (GDPR article 6(1): `consent`, `contract`, `legal-obligation`,
/// `vital-interests`, `public-task` or `legitimate-interests`), and how long data may be kept
/// (hours, days or months). `name` is the type's name in snake case when left out.
#[proc_macro_derive(Purpose, attributes(purpose))]
pub fn derive_purpose(input: TokenStream) -> TokenStream {
    expand(purpose::derive, parse_macro_input!(input))
}

/// Makes a struct an event that can be counted: every field is a closed category.
///
/// `#[event(purpose = Usage, owner = "editors", until = "2027-06-30")]`: what it is collected
/// for, who answers for it, and the last day on which it is collected. `name` is the type's
/// name in snake case when left out.
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    expand(event::derive, parse_macro_input!(input))
}

/// Makes an enum without fields a closed category; its labels are the variants in snake case.
///
/// A variant `Other` is the catch-all.
#[proc_macro_derive(Category, attributes(category))]
pub fn derive_category(input: TokenStream) -> TokenStream {
    expand(category::derive, parse_macro_input!(input))
}

fn expand(
    derive: fn(&DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
    input: DeriveInput,
) -> TokenStream {
    derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
