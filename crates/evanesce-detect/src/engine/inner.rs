//! Patterns that begin as almost every word does, but have a sign in them that few words
//! have: the `@` of an address, the `:` of a scheme.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::classes::is_sign;

/// How many such patterns are looked for by their sign.
pub(super) const MOST: usize = 2;

/// A set of bytes.
#[derive(Clone, Copy)]
pub(super) struct Bytes([bool; 256]);

impl Bytes {
    pub(super) const NONE: Self = Self([false; 256]);

    pub(super) fn has(&self, b: u8) -> bool {
        self.0[usize::from(b)]
    }

    pub(super) fn add(&mut self, b: u8) {
        self.0[usize::from(b)] = true;
    }

    pub(super) fn all(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(slot, has)| *slot |= has);
    }
}

/// A pattern each match of which is one or more bytes of `lead`, then `sign`, then one of
/// `next`; the sign is none of `lead`.
pub(super) struct Inner {
    pub(super) lead: Bytes,
    pub(super) first: Bytes,
    pub(super) sign: u8,
    pub(super) next: Bytes,
}

impl Inner {
    /// The form of a pattern, if it has one.
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        let mut parts = Vec::new();
        flatten(hir, &mut parts);
        let (mut lead, mut some) = (Bytes::NONE, false);
        for (n, part) in parts.iter().enumerate() {
            let rest = &parts[n + 1..];
            if let HirKind::Literal(literal) = part.kind() {
                for (i, b) in literal.0.iter().enumerate() {
                    if some && !lead.has(*b) && is_sign(*b) && *b != b'-' {
                        let next = next(&literal.0[i + 1..], rest);
                        return Some(Self { lead, first: first(&parts), sign: *b, next });
                    }
                    lead.add(*b);
                    some = true;
                }
                continue;
            }
            lead.all(&used(part));
            some |= part.properties().minimum_len().unwrap_or(0) > 0;
        }
        None
    }
}

fn flatten<'h>(hir: &'h Hir, out: &mut Vec<&'h Hir>) {
    match hir.kind() {
        HirKind::Concat(parts) => parts.iter().for_each(|part| flatten(part, out)),
        HirKind::Capture(capture) => flatten(&capture.sub, out),
        HirKind::Look(_) | HirKind::Empty => {}
        _ => out.push(hir),
    }
}

fn next(literal: &[u8], rest: &[&Hir]) -> Bytes {
    match literal.first() {
        Some(b) => {
            let mut one = Bytes::NONE;
            one.add(*b);
            one
        }
        None => first(rest),
    }
}

/// The bytes that the first of these parts may begin with, or a later one if those before
/// it may be empty.
pub(super) fn first(parts: &[&Hir]) -> Bytes {
    let mut out = Bytes::NONE;
    for part in parts {
        out.all(&begins(part));
        if part.properties().minimum_len().unwrap_or(0) > 0 {
            return out;
        }
    }
    // All of them may be empty: anything may follow.
    (0..=u8::MAX).for_each(|b| out.add(b));
    out
}

fn begins(hir: &Hir) -> Bytes {
    let mut out = Bytes::NONE;
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => literal.0.iter().take(1).for_each(|b| out.add(*b)),
        HirKind::Class(class) => out = of_class(class),
        HirKind::Repetition(repetition) => out = begins(&repetition.sub),
        HirKind::Capture(capture) => out = begins(&capture.sub),
        HirKind::Concat(parts) => {
            for part in parts {
                out.all(&begins(part));
                if part.properties().minimum_len().unwrap_or(0) > 0 {
                    break;
                }
            }
        }
        HirKind::Alternation(parts) => parts.iter().for_each(|part| out.all(&begins(part))),
    }
    out
}

// Every byte that may lie in a match.
fn used(hir: &Hir) -> Bytes {
    let mut out = Bytes::NONE;
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => literal.0.iter().for_each(|b| out.add(*b)),
        HirKind::Class(class) => out = of_class(class),
        HirKind::Repetition(repetition) => out = used(&repetition.sub),
        HirKind::Capture(capture) => out = used(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| out.all(&used(part)));
        }
    }
    out
}

// Of a character beyond ASCII every byte that one may have.
fn of_class(class: &Class) -> Bytes {
    let mut out = Bytes::NONE;
    match class {
        Class::Bytes(class) => {
            class.iter().for_each(|range| (range.start()..=range.end()).for_each(|b| out.add(b)));
        }
        Class::Unicode(class) => {
            for range in class.iter() {
                let ascii = |c: char| u8::try_from(c).ok().filter(u8::is_ascii);
                if let Some(from) = ascii(range.start()) {
                    (from..=ascii(range.end()).unwrap_or(0x7f)).for_each(|b| out.add(b));
                }
                if !range.end().is_ascii() {
                    (0x80..=u8::MAX).for_each(|b| out.add(b));
                }
            }
        }
    }
    out
}
