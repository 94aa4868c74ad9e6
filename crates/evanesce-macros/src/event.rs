//! `#[derive(Event)]`

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Field, Fields, LitStr, Path, Result, spanned::Spanned};

use crate::{
    attributes::{Arguments, name_or_snake},
    house::{Room, path_to},
};

const KNOWN: [&str; 4] = ["name", "owner", "purpose", "until"];
const MOST_DIMENSIONS: usize = 8;

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let mut arguments = Arguments::read(&input.attrs, "event", &KNOWN)?;
    let anonymize = path_to(Room::Anonymize);
    let purpose = arguments.expression("purpose")?.ok_or_else(|| arguments.missing("purpose"))?;
    let purpose = syn::parse2::<syn::Type>(quote!(#purpose))
        .map_err(|_| Error::new(purpose.span(), "expected the type of a purpose"))?;
    let owner = arguments.required_text("owner")?;
    let until = until(&path_to(Room::Core), &arguments.required_text("until")?)?;
    let event = name_or_snake(arguments.text("name")?, &input.ident)?;
    if let Some(first) = input.generics.params.first() {
        return Err(Error::new(first.span(), "an event can't be generic: its table is one"));
    }
    let fields = dimensions(input)?;
    let declared = fields.iter().map(|field| dimension(&anonymize, field));
    let indices = fields.iter().map(|field| index(&anonymize, field));
    let name = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl #anonymize::Event for #name {
            type Purpose = #purpose;
            const NAME: &'static str = #event;
            const OWNER: &'static str = #owner;
            const UNTIL: #until;
            const DIMENSIONS: &'static [#anonymize::Dimension] = &[#(#declared),*];

            fn cell(&self) -> #anonymize::Cell {
                #anonymize::Cell::new(&[#(#indices),*])
            }
        }
    })
}

fn dimensions(input: &DeriveInput) -> Result<Vec<&Field>> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(input.ident.span(), "an event is a struct"));
    };
    match &data.fields {
        Fields::Unnamed(fields) => Err(Error::new(
            fields.span(),
            "an event needs named fields: the names are those of its table",
        )),
        fields if fields.len() > MOST_DIMENSIONS => {
            Err(Error::new(fields.span(), "an event has at most 8 fields"))
        }
        fields => Ok(fields.iter().collect()),
    }
}

fn dimension(anonymize: &Path, field: &Field) -> TokenStream {
    let ty = &field.ty;
    let name = field
        .ident
        .as_ref()
        .map(|ident| ident.to_string().trim_start_matches("r#").to_owned())
        .unwrap_or_default();
    quote! {
        #anonymize::Dimension { name: #name, labels: <#ty as #anonymize::Category>::LABELS }
    }
}

fn index(anonymize: &Path, field: &Field) -> TokenStream {
    let (ty, name) = (&field.ty, &field.ident);
    quote!(<#ty as #anonymize::Category>::index(&self.#name))
}

/// The type and value of `UNTIL`.
fn until(core: &Path, given: &LitStr) -> Result<TokenStream> {
    let Some((year, month, day)) = date(&given.value()) else {
        return Err(Error::new(given.span(), "expected a day that exists, as \"2027-06-30\""));
    };
    Ok(quote! {
        #core::Date = match #core::Date::new(#year, #month, #day) {
            ::core::option::Option::Some(date) => date,
            ::core::option::Option::None => ::core::panic!("no such day"),
        }
    })
}

fn date(text: &str) -> Option<(u16, u8, u8)> {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return None };
    let shape = [year, month, day].map(str::len) == [4, 2, 2];
    if !shape || !digits(year) || !digits(month) || !digits(day) {
        return None;
    }
    let (year, month, day): (u16, u8, u8) =
        (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    (year >= 1970 && (1..=last).contains(&day)).then_some((year, month, day))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn message(input: DeriveInput) -> String {
        derive(&input).unwrap_err().to_string()
    }

    #[test]
    fn days_exist() {
        assert_eq!(date("2027-06-30"), Some((2027, 6, 30)));
        assert_eq!(date("2028-02-29"), Some((2028, 2, 29)));
        for no in [
            "2027-02-29",
            "1900-02-29",
            "2027-06-31",
            "2027-13-01",
            "2027-6-30",
            "+027-06-30",
            "2027-06-30-1",
            "",
        ] {
            assert_eq!(date(no), None, "{no}");
        }
    }

    #[test]
    fn the_table_is_written_out() {
        let tokens = derive(&parse_quote! {
            #[event(purpose = crate::Usage, owner = "editors", until = "2027-06-30")]
            struct PageComposed { topic: Topic, r#type: Kind }
        })
        .unwrap()
        .to_string();
        for part in ["\"page_composed\"", "\"topic\"", "\"type\"", "crate :: Usage", "2027u16"] {
            assert!(tokens.contains(part), "{part} in {tokens}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = message(parse_quote!(
            #[event(owner = "e", until = "2027-06-30")]
            struct E {}
        ));
        assert!(said.contains("needs `purpose"));
        let said = message(parse_quote!(
            #[event(purpose = U, owner = "e", until = "soon")]
            struct E {}
        ));
        assert!(said.contains("a day that exists"));
        let said = message(parse_quote!(
            #[event(purpose = U, until = "2027-06-30")]
            struct E {}
        ));
        assert!(said.contains("needs `owner"));
        let said = message(parse_quote! {
            #[event(purpose = 1 + 1, owner = "e", until = "2027-06-30")] struct E {}
        });
        assert!(said.contains("the type of a purpose"));
        let said = message(parse_quote! {
            #[event(purpose = U, owner = "e", until = "2027-06-30")] struct E(Topic);
        });
        assert!(said.contains("named fields"));
        let said = message(parse_quote! {
            #[event(purpose = U, owner = "e", until = "2027-06-30")] enum E { A }
        });
        assert!(said.contains("is a struct"));
    }
}
