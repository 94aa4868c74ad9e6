//! `#[derive(Category)]`

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Result, spanned::Spanned};

use crate::{
    attributes::Arguments,
    house::{Room, path_to},
    names::snake_case,
};

const MOST_LABELS: usize = 256;
const LONGEST_LABEL: usize = 64;

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    // There is nothing to set; an argument is refused rather than ignored.
    Arguments::read(&input.attrs, "category", &[])?;
    let anonymize = path_to(Room::Anonymize);
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(input.ident.span(), "a category is an enum without fields"));
    };
    if data.variants.is_empty() || data.variants.len() > MOST_LABELS {
        return Err(Error::new(input.ident.span(), "a category has 1 to 256 variants"));
    }
    let mut labels = Vec::with_capacity(data.variants.len());
    let mut seen = BTreeSet::new();
    for variant in &data.variants {
        if !variant.fields.is_empty() {
            return Err(Error::new(
                variant.fields.span(),
                "a category is closed: its variants have no fields",
            ));
        }
        let label = snake_case(&variant.ident.to_string());
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain || label.len() > LONGEST_LABEL {
            return Err(Error::new(
                variant.ident.span(),
                "a label has at most 64 letters, digits and `_` of ASCII",
            ));
        }
        if !seen.insert(label.clone()) {
            return Err(Error::new(variant.ident.span(), "two variants have the same label"));
        }
        labels.push(label);
    }
    let name = &input.ident;
    let variants = data.variants.iter().map(|variant| &variant.ident);
    let indices = 0..labels.len();
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #generics #anonymize::Category for #name #arguments #bounds {
            const LABELS: &'static [&'static str] = &[#(#labels),*];

            fn index(&self) -> usize {
                match self { #(Self::#variants { .. } => #indices,)* }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn message(input: DeriveInput) -> String {
        derive(&input).unwrap_err().to_string()
    }

    #[test]
    fn labels_are_the_variants() {
        let tokens = derive(&parse_quote!(
            enum Topic {
                ClimateChange,
                Travel,
                Other,
            }
        ))
        .unwrap()
        .to_string();
        assert!(tokens.contains("& [\"climate_change\" , \"travel\" , \"other\"]"), "{tokens}");
        assert!(tokens.contains("Self :: Travel { .. } => 1usize"), "{tokens}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(
            message(parse_quote!(
                struct S;
            ))
            .contains("enum without fields")
        );
        assert!(
            message(parse_quote!(
                enum E {}
            ))
            .contains("1 to 256")
        );
        assert!(
            message(parse_quote!(
                enum E {
                    A(String),
                }
            ))
            .contains("no fields")
        );
        assert!(
            message(parse_quote!(
                enum E {
                    AB,
                    Ab,
                    A_B,
                }
            ))
            .contains("the same label")
        );
        assert!(
            message(parse_quote!(
                enum E {
                    Zürich,
                }
            ))
            .contains("of ASCII")
        );
        assert!(
            message(parse_quote!(
                #[category(other)]
                enum E {
                    A,
                }
            ))
            .contains("expected one of")
        );
    }
}
