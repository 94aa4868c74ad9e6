//! Reading `#[name(key = value, …)]`.

use std::collections::BTreeMap;

use proc_macro2::Span;
use syn::{
    Attribute, Error, Expr, ExprLit, Ident, Lit, LitStr, Meta, Result, Token,
    punctuated::Punctuated, spanned::Spanned,
};

use crate::names::snake_case;

/// The arguments of one attribute, each of which must be asked for.
pub(crate) struct Arguments {
    attribute: &'static str,
    span: Span,
    given: BTreeMap<String, (Span, Option<Expr>)>,
}

impl Arguments {
    /// Gathers the arguments of every `#[attribute(…)]`. `known` are the keys it may have.
    pub(crate) fn read(
        attributes: &[Attribute],
        attribute: &'static str,
        known: &[&str],
    ) -> Result<Self> {
        let mut arguments = Self { attribute, span: Span::call_site(), given: BTreeMap::new() };
        for found in attributes.iter().filter(|found| found.path().is_ident(attribute)) {
            arguments.span = found.span();
            let metas = found.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?;
            for meta in metas {
                arguments.add(meta, known)?;
            }
        }
        Ok(arguments)
    }

    fn add(&mut self, meta: Meta, known: &[&str]) -> Result<()> {
        let span = meta.path().span();
        let key = match meta.path().get_ident() {
            Some(key) => key.to_string().trim_start_matches("r#").to_owned(),
            None => String::new(),
        };
        if !known.contains(&key.as_str()) {
            let known = known.join("`, `");
            return Err(Error::new(span, format!("expected one of `{known}`")));
        }
        let value = match meta {
            Meta::Path(_) => None,
            Meta::NameValue(pair) => Some(pair.value),
            Meta::List(list) => return Err(Error::new(list.span(), "expected `key = value`")),
        };
        if self.given.insert(key, (span, value)).is_some() {
            return Err(Error::new(span, "given twice"));
        }
        Ok(())
    }

    /// Whether a bare word was given.
    pub(crate) fn word(&mut self, key: &str) -> Result<bool> {
        match self.given.remove(key) {
            None => Ok(false),
            Some((_, None)) => Ok(true),
            Some((span, Some(_))) => Err(Error::new(span, "this word takes no value")),
        }
    }

    /// The expression of a key.
    pub(crate) fn expression(&mut self, key: &str) -> Result<Option<Expr>> {
        match self.given.remove(key) {
            None => Ok(None),
            Some((_, Some(value))) => Ok(Some(value)),
            Some((span, None)) => Err(Error::new(span, format!("expected `{key} = …`"))),
        }
    }

    /// The text of a key.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<LitStr>> {
        match self.expression(key)? {
            None => Ok(None),
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(Some(text)),
            Some(other) => Err(Error::new(other.span(), "expected a text in quotes")),
        }
    }

    /// The text of a key that must be there and say something.
    pub(crate) fn required_text(&mut self, key: &str) -> Result<LitStr> {
        let text = self.text(key)?.ok_or_else(|| self.missing(key))?;
        if text.value().trim().is_empty() {
            return Err(Error::new(text.span(), format!("`{key}` must say something")));
        }
        Ok(text)
    }

    /// The error for a key that is not there.
    pub(crate) fn missing(&self, key: &str) -> Error {
        let attribute = self.attribute;
        Error::new(self.span, format!("`#[{attribute}(…)]` needs `{key} = …`"))
    }
}

/// The name given by hand, or else the type's name in snake case: 1 to 32 of `a-z 0-9 _ -`, so
/// that it can be a column, a metric or an argument everywhere.
pub(crate) fn name_or_snake(given: Option<LitStr>, ident: &Ident) -> Result<String> {
    let (name, span) = match given {
        Some(given) => (given.value(), given.span()),
        None => (snake_case(&ident.to_string()), ident.span()),
    };
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    if (1..=32).contains(&name.len()) && name.bytes().all(plain) {
        Ok(name)
    } else {
        Err(Error::new(span, "a name is 1 to 32 of `a-z 0-9 _ -`; set one with `name = \"…\"`"))
    }
}
