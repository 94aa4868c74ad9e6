//! `#[derive(Ephemeral)]`

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    Data, DeriveInput, Error, Expr, Fields, Ident, Path, Result, ext::IdentExt, spanned::Spanned,
};

use crate::{
    attributes::Arguments,
    house::{Room, path_to},
};

const KNOWN: [&str; 5] = ["crate", "max", "schema", "vocabulary", "was"];

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let mut arguments = Arguments::read(&input.attrs, "ephemeral", &KNOWN)?;
    let memory = match arguments.text("crate")? {
        Some(path) => path.parse::<Path>()?,
        None => path_to(Room::Memory),
    };
    let schema =
        arguments.expression("schema")?.map_or_else(|| quote!(1), |schema| quote!(#schema));
    let max = arguments.expression("max")?.map(|max| quote!(const MAX: usize = #max;));
    let vocabulary = arguments.word("vocabulary")?;
    let (decode_other, ordered) = match arguments.expression("was")? {
        None => (None, None),
        Some(was) => (Some(migrate(&memory, &was)?), Some(older(&memory, &was, &input.ident))),
    };
    if let Some(first) = input.generics.params.first() {
        return Err(Error::new(first.span(), "`Ephemeral` can't be derived for generic types"));
    }
    let layout = Layout::of(input)?;
    if vocabulary && !layout.is_vocabulary() {
        return Err(Error::new(
            input.ident.span(),
            "only an enum without fields can be a vocabulary",
        ));
    }
    let unprintable = (!vocabulary).then(|| must_not_print(&input.ident));
    let name = &input.ident;
    let (encode, decode) = (layout.encode(&memory), layout.decode(&memory));
    let (export, wipe) = (layout.export(&memory), layout.wipe(&memory));
    Ok(quote! {
        #[automatically_derived]
        impl #memory::Ephemeral for #name {
            const SCHEMA: u16 = #schema;
            #max

            fn encode(
                &self,
                out: &mut #memory::Encoder<'_>,
            ) -> ::core::result::Result<(), #memory::EncodeError> {
                #encode
                ::core::result::Result::Ok(())
            }

            fn decode(
                input: &mut #memory::Decoder<'_>,
            ) -> ::core::result::Result<Self, #memory::DecodeError> {
                #decode
            }

            #decode_other

            fn export(
                &self,
                out: &mut #memory::Exporter<'_>,
            ) -> ::core::result::Result<(), #memory::EncodeError> {
                #export
            }
        }

        #[automatically_derived]
        impl #memory::Wipe for #name {
            fn wipe(&mut self) {
                #wipe
            }
        }

        #unprintable
        #ordered
    })
}

/// Reads what the older type wrote, and what that type reads of still older ones; the old value
/// is wiped once the new one has taken what it keeps.
fn migrate(memory: &Path, was: &Expr) -> Result<TokenStream> {
    if !matches!(was, Expr::Path(_)) {
        return Err(Error::new(was.span(), "expected the type that was stored before"));
    }
    Ok(quote! {
        fn decode_other(
            found: ::core::primitive::u16,
            input: &mut #memory::Decoder<'_>,
        ) -> ::core::result::Result<Self, #memory::DecodeError> {
            let read = if found == <#was as #memory::Ephemeral>::SCHEMA {
                <#was as #memory::Ephemeral>::decode(input)
            } else {
                <#was as #memory::Ephemeral>::decode_other(found, input)
            };
            match read {
                ::core::result::Result::Ok(mut old) => {
                    let new = <Self as ::core::convert::From<&mut #was>>::from(&mut old);
                    #memory::Wipe::wipe(&mut old);
                    ::core::result::Result::Ok(new)
                }
                ::core::result::Result::Err(#memory::DecodeError::Schema { found, .. }) => {
                    ::core::result::Result::Err(#memory::DecodeError::Schema {
                        found,
                        known: <Self as #memory::Ephemeral>::SCHEMA,
                    })
                }
                ::core::result::Result::Err(error) => ::core::result::Result::Err(error),
            }
        }
    })
}

/// Two layouts under one number would be read as each other.
fn older(memory: &Path, was: &Expr, name: &Ident) -> TokenStream {
    quote! {
        const _: () = ::core::assert!(
            <#was as #memory::Ephemeral>::SCHEMA < <#name as #memory::Ephemeral>::SCHEMA,
            "the schema of the older type must be lower",
        );
    }
}

/// Fails to compile, by ambiguity, when the type can be printed.
fn must_not_print(name: &Ident) -> TokenStream {
    quote! {
        const _: () = {
            trait PersonalDataMustNotBePrinted<Printed> {
                const CHECKED: () = ();
            }
            struct ByDebug;
            struct ByDisplay;
            impl<T: ?::core::marker::Sized> PersonalDataMustNotBePrinted<()> for T {}
            impl<T: ?::core::marker::Sized + ::core::fmt::Debug>
                PersonalDataMustNotBePrinted<ByDebug> for T {}
            impl<T: ?::core::marker::Sized + ::core::fmt::Display>
                PersonalDataMustNotBePrinted<ByDisplay> for T {}
            <#name as PersonalDataMustNotBePrinted<_>>::CHECKED
        };
    }
}

enum Layout<'a> {
    Struct(&'a Fields),
    Enum(Vec<(&'a Ident, &'a Fields)>),
}

impl<'a> Layout<'a> {
    fn of(input: &'a DeriveInput) -> Result<Self> {
        match &input.data {
            Data::Struct(data) => Ok(Self::Struct(&data.fields)),
            Data::Enum(data) if data.variants.is_empty() => {
                Err(Error::new(input.ident.span(), "an enum without variants has no values"))
            }
            Data::Enum(data) => Ok(Self::Enum(
                data.variants.iter().map(|variant| (&variant.ident, &variant.fields)).collect(),
            )),
            Data::Union(data) => {
                Err(Error::new(data.union_token.span(), "`Ephemeral` can't be derived for unions"))
            }
        }
    }

    fn is_vocabulary(&self) -> bool {
        match self {
            Self::Struct(..) => false,
            Self::Enum(variants) => variants.iter().all(|(_, fields)| fields.is_empty()),
        }
    }

    fn encode(&self, memory: &Path) -> TokenStream {
        match self {
            Self::Struct(fields) => {
                let pattern = pattern(fields);
                let body = encode_fields(memory, fields);
                quote!(let Self #pattern = self; #body)
            }
            Self::Enum(variants) => {
                let arms = variants.iter().zip(0_u16..).map(|((name, fields), index)| {
                    let pattern = pattern(fields);
                    let body = encode_fields(memory, fields);
                    quote! {
                        Self::#name #pattern => {
                            out.raw(&::core::primitive::u16::to_be_bytes(#index))?;
                            #body
                        }
                    }
                });
                quote!(match self { #(#arms)* })
            }
        }
    }

    fn decode(&self, memory: &Path) -> TokenStream {
        match self {
            Self::Struct(fields) => decode_fields(memory, &quote!(Self), fields),
            Self::Enum(variants) => {
                let arms = variants.iter().zip(0_u16..).map(|((name, fields), index)| {
                    let body = decode_fields(memory, &quote!(Self::#name), fields);
                    quote!(#index => { #body })
                });
                quote! {
                    match ::core::primitive::u16::from_be_bytes(input.array()?) {
                        #(#arms)*
                        _ => ::core::result::Result::Err(#memory::DecodeError::Malformed),
                    }
                }
            }
        }
    }

    fn export(&self, memory: &Path) -> TokenStream {
        match self {
            Self::Struct(fields) => {
                let pattern = pattern(fields);
                let body = export_fields(memory, fields);
                quote!(let Self #pattern = self; #body)
            }
            Self::Enum(variants) => {
                let arms = variants.iter().map(|(name, fields)| {
                    let pattern = pattern(fields);
                    let label = name.unraw().to_string();
                    let body = match fields {
                        Fields::Unit => quote!(out.text(#label)),
                        _ => {
                            let body = export_fields(memory, fields);
                            quote!(out.fields(|all| all.field(#label, |out| { #body })))
                        }
                    };
                    quote!(Self::#name #pattern => { #body })
                });
                quote!(match self { #(#arms)* })
            }
        }
    }

    fn wipe(&self, memory: &Path) -> TokenStream {
        match self {
            Self::Struct(fields) => {
                let pattern = pattern(fields);
                let names = bindings(fields);
                quote!(let Self #pattern = self; #(#memory::Wipe::wipe(#names);)*)
            }
            Self::Enum(variants) => {
                let arms = variants.iter().map(|(name, fields)| {
                    let pattern = pattern(fields);
                    let names = bindings(fields);
                    quote!(Self::#name #pattern => { #(#memory::Wipe::wipe(#names);)* })
                });
                quote!(match self { #(#arms)* })
            }
        }
    }
}

/// One name for each field, which can't clash with `self`, `out` or `input`.
fn bindings(fields: &Fields) -> Vec<Ident> {
    (0..fields.len()).map(|index| format_ident!("field_{index}")).collect()
}

fn pattern(fields: &Fields) -> TokenStream {
    let names = bindings(fields);
    match fields {
        Fields::Unit => quote!(),
        Fields::Unnamed(_) => quote!((#(#names),*)),
        Fields::Named(named) => {
            let keys = named.named.iter().map(|field| &field.ident);
            quote!({ #(#keys: #names),* })
        }
    }
}

fn encode_fields(memory: &Path, fields: &Fields) -> TokenStream {
    let calls = fields.iter().zip(bindings(fields)).map(|(field, name)| {
        let ty = &field.ty;
        quote! { out.field(|out| <#ty as #memory::Ephemeral>::encode(#name, out))?; }
    });
    quote!(#(#calls)*)
}

/// An object for named fields, an array for several without names, and one alone by itself.
fn export_fields(memory: &Path, fields: &Fields) -> TokenStream {
    let names = bindings(fields);
    let types = fields.iter().map(|field| &field.ty);
    let calls =
        types.zip(&names).map(|(ty, name)| quote!(<#ty as #memory::Ephemeral>::export(#name, out)));
    match fields {
        Fields::Unit => quote!(out.null()),
        Fields::Named(named) => {
            let labels = named.named.iter().filter_map(|field| field.ident.as_ref());
            let labels = labels.map(|label| label.unraw().to_string());
            quote! {
                out.fields(|all| {
                    let _ = &all;
                    #(all.field(#labels, |out| #calls)?;)*
                    ::core::result::Result::Ok(())
                })
            }
        }
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => quote!(#(#calls)*),
        Fields::Unnamed(_) => quote! {
            out.items(|all| {
                let _ = &all;
                #(all.item(|out| #calls)?;)*
                ::core::result::Result::Ok(())
            })
        },
    }
}

/// Reads field by field; what was read before an error is wiped.
fn decode_fields(memory: &Path, constructor: &TokenStream, fields: &Fields) -> TokenStream {
    let names = bindings(fields);
    let reads = fields.iter().enumerate().map(|(index, field)| {
        let ty = &field.ty;
        let name = &names[index];
        let earlier = &names[..index];
        let failed = if earlier.is_empty() {
            quote!(::core::result::Result::Err(error) => return ::core::result::Result::Err(error),)
        } else {
            quote! {
                ::core::result::Result::Err(error) => {
                    #(#memory::Wipe::wipe(&mut #earlier);)*
                    return ::core::result::Result::Err(error);
                }
            }
        };
        // The last field is never wiped here, so it need not be `mut`.
        let mutable = (index + 1 < names.len()).then(|| quote!(mut));
        quote! {
            let #mutable #name = match input.field(<#ty as #memory::Ephemeral>::decode) {
                ::core::result::Result::Ok(value) => value,
                #failed
            };
        }
    });
    let built = match fields {
        Fields::Unit => quote!(#constructor),
        Fields::Unnamed(_) => quote!(#constructor(#(#names),*)),
        Fields::Named(named) => {
            let keys = named.named.iter().map(|field| &field.ident);
            quote!(#constructor { #(#keys: #names),* })
        }
    };
    let unused = fields.is_empty().then(|| quote!(let _ = &input;));
    quote!(#unused #(#reads)* ::core::result::Result::Ok(#built))
}
