//! `#[derive(Purpose)]`

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, Error, LitStr, Path, Result};

use crate::{
    attributes::{Arguments, name_or_snake},
    house::{Room, path_to},
};

const KNOWN: [&str; 4] = ["basis", "keep", "name", "notice"];

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let mut arguments = Arguments::read(&input.attrs, "purpose", &KNOWN)?;
    let core = path_to(Room::Core);
    let notice = arguments.required_text("notice")?;
    let basis = basis(&core, &arguments.required_text("basis")?)?;
    let keep = keep(&core, &arguments.required_text("keep")?)?;
    let purpose = name_or_snake(arguments.text("name")?, &input.ident)?;
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #generics #core::Purpose for #name #arguments #bounds {
            const NAME: &'static str = #purpose;
            const NOTICE: &'static str = #notice;
            const BASIS: #core::Basis = #basis;
            const KEEP: #core::Retention = #keep;
        }
    })
}

fn basis(core: &Path, given: &LitStr) -> Result<TokenStream> {
    let variant = match given.value().as_str() {
        "consent" => "Consent",
        "contract" => "Contract",
        "legal-obligation" => "LegalObligation",
        "legitimate-interests" => "LegitimateInterests",
        "public-task" => "PublicTask",
        "vital-interests" => "VitalInterests",
        _ => {
            return Err(Error::new(
                given.span(),
                "expected a basis of GDPR article 6(1): consent, contract, legal-obligation, \
                 vital-interests, public-task or legitimate-interests",
            ));
        }
    };
    let variant = format_ident!("{variant}");
    Ok(quote!(#core::Basis::#variant))
}

/// "12 months", "1 day", "4 hours".
fn keep(core: &Path, given: &LitStr) -> Result<TokenStream> {
    let text = given.value();
    let parsed = text.split_once(' ').and_then(|(number, unit)| {
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse::<u32>().ok().filter(|number| digits && *number > 0)?;
        let unit = match unit {
            "hour" | "hours" => "Hours",
            "day" | "days" => "Days",
            "month" | "months" => "Months",
            _ => return None,
        };
        Some((number, format_ident!("{unit}")))
    });
    let Some((number, unit)) = parsed else {
        return Err(Error::new(
            given.span(),
            "expected a number above zero and a unit: \"4 hours\", \"90 days\" or \"12 months\"",
        ));
    };
    Ok(quote!(#core::Retention::#unit(#number)))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn message(input: DeriveInput) -> String {
        derive(&input).unwrap_err().to_string()
    }

    #[test]
    fn everything_is_written_out() {
        let tokens = derive(&parse_quote! {
            #[purpose(notice = "Which topics", basis = "legal-obligation", keep = "12 months")]
            struct TopicUsage;
        })
        .unwrap()
        .to_string();
        for part in
            ["\"topic_usage\"", "\"Which topics\"", ":: LegalObligation", ":: Months (12u32)"]
        {
            assert!(tokens.contains(part), "{part} in {tokens}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(
            message(parse_quote!(
                struct Bare;
            ))
            .contains("needs `notice")
        );
        for keep in
            ["12", "12 years", "0 days", "-1 days", "+1 days", "1  days", "99999999999 days"]
        {
            let said = message(parse_quote! {
                #[purpose(notice = "n", basis = "consent", keep = #keep)] struct P;
            });
            assert!(said.contains("expected a number above zero"), "{keep}: {said}");
        }
        let said = message(parse_quote! {
            #[purpose(notice = "n", basis = "habit", keep = "1 day")] struct P;
        });
        assert!(said.contains("GDPR article 6(1)"));
        let said = message(parse_quote! {
            #[purpose(notice = " ", basis = "consent", keep = "1 day")] struct P;
        });
        assert!(said.contains("must say something"));
        let said = message(parse_quote! {
            #[purpose(notice = "n", basis = "consent", keep = "1 day", retain = "2 days")] struct P;
        });
        assert!(said.contains("expected one of"));
        let said = message(parse_quote! {
            #[purpose(notice = "n", basis = "consent", keep = "1 day", name = "Us age")] struct P;
        });
        assert!(said.contains("a name is"));
        let said = message(parse_quote! {
            #[purpose(notice = "n", notice = "m", basis = "consent", keep = "1 day")] struct P;
        });
        assert!(said.contains("given twice"));
    }
}
