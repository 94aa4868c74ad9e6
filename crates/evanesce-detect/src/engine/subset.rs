//! The patterns that are taken: those of a file must stay fast whatever the text, and mean
//! the same to everybody who reads them.

use regex_syntax::ast::{self, Ast};
use regex_syntax::hir::Hir;

/// Why a pattern is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    Anchor,
    Count,
    Empty,
    Flag,
    Nested,
    Syntax,
    Unicode,
}

// How deep groups may be nested, and how far a repetition may count.
const DEPTH: u32 = 24;
const COUNT: u32 = 256;

/// Reads a pattern. `\d`, `\s`, `\w` and `\b` are those of ASCII; `(?i)` regards no case of
/// ASCII letters.
pub(crate) fn parse(pattern: &str) -> Result<Hir, Refused> {
    let mut parser = ast::parse::ParserBuilder::new();
    let mut ast =
        parser.nest_limit(DEPTH).build().parse(pattern).map_err(|error| match error.kind() {
            ast::ErrorKind::NestLimitExceeded(_) => Refused::Nested,
            ast::ErrorKind::UnsupportedLookAround | ast::ErrorKind::UnsupportedBackreference => {
                Refused::Anchor
            }
            _ => Refused::Syntax,
        })?;
    plain(&mut ast, &mut false)?;
    // What is written back is what was read, with each class of ASCII in full.
    let mut text = String::new();
    ast::print::Printer::new().print(&ast, &mut text).map_err(|_| Refused::Syntax)?;
    let mut translator = regex_syntax::hir::translate::Translator::new();
    let hir = translator.translate(&text, &ast).map_err(|_| Refused::Syntax)?;
    match hir.properties().minimum_len() {
        Some(1..) => Ok(hir),
        _ => Err(Refused::Empty),
    }
}

// `caseless` holds from where it is set to the end of the group.
fn plain(ast: &mut Ast, caseless: &mut bool) -> Result<(), Refused> {
    let new = match ast {
        Ast::Flags(set) => {
            *caseless |= is_caseless(&set.flags)?;
            Ast::empty(set.span)
        }
        Ast::Literal(literal) if *caseless && literal.c.is_ascii_alphabetic() => {
            let span = literal.span;
            let items = [literal.c.to_ascii_lowercase(), literal.c.to_ascii_uppercase()]
                .map(|c| ast::ClassSetItem::Literal(verbatim(span, c)));
            bracketed(span, items.into())
        }
        Ast::Assertion(look) => match look.kind {
            ast::AssertionKind::WordBoundary => ascii(look.span, Ast::Assertion(look.clone())),
            _ => return Err(Refused::Anchor),
        },
        Ast::ClassUnicode(_) => return Err(Refused::Unicode),
        Ast::ClassPerl(class) => bracketed(class.span, vec![ast::ClassSetItem::Ascii(perl(class))]),
        Ast::ClassBracketed(class) => return set(&mut class.kind, *caseless),
        Ast::Repetition(repetition) if counted(&repetition.op.kind) > COUNT => {
            return Err(Refused::Count);
        }
        Ast::Repetition(repetition) => return plain(&mut repetition.ast, caseless),
        Ast::Group(group) => {
            let mut inside = *caseless;
            if let ast::GroupKind::NonCapturing(flags) = &group.kind {
                inside |= is_caseless(flags)?;
            }
            let flags = ast::Flags { span: group.span, items: Vec::new() };
            group.kind = ast::GroupKind::NonCapturing(flags);
            return plain(&mut group.ast, &mut inside);
        }
        Ast::Alternation(any) => return any.asts.iter_mut().try_for_each(|a| plain(a, caseless)),
        Ast::Concat(all) => return all.asts.iter_mut().try_for_each(|a| plain(a, caseless)),
        Ast::Dot(_) | Ast::Empty(_) | Ast::Literal(_) => return Ok(()),
    };
    *ast = new;
    Ok(())
}

// Only `i`, and only set.
fn is_caseless(flags: &ast::Flags) -> Result<bool, Refused> {
    let plain =
        |item: &ast::FlagsItem| item.kind == ast::FlagsItemKind::Flag(ast::Flag::CaseInsensitive);
    if flags.items.iter().all(plain) { Ok(!flags.items.is_empty()) } else { Err(Refused::Flag) }
}

fn counted(kind: &ast::RepetitionKind) -> u32 {
    use ast::RepetitionRange::{AtLeast, Bounded, Exactly};
    match kind {
        ast::RepetitionKind::Range(Exactly(n) | AtLeast(n) | Bounded(_, n)) => *n,
        _ => 1,
    }
}

// `(?-u:…)`
fn ascii(span: ast::Span, inner: Ast) -> Ast {
    let item = |kind| ast::FlagsItem { span, kind };
    let items = vec![
        item(ast::FlagsItemKind::Negation),
        item(ast::FlagsItemKind::Flag(ast::Flag::Unicode)),
    ];
    let kind = ast::GroupKind::NonCapturing(ast::Flags { span, items });
    Ast::group(ast::Group { span, kind, ast: Box::new(inner) })
}

const fn verbatim(span: ast::Span, c: char) -> ast::Literal {
    ast::Literal { span, kind: ast::LiteralKind::Verbatim, c }
}

fn bracketed(span: ast::Span, items: Vec<ast::ClassSetItem>) -> Ast {
    let item = ast::ClassSetItem::Union(ast::ClassSetUnion { span, items });
    Ast::class_bracketed(ast::ClassBracketed {
        span,
        negated: false,
        kind: ast::ClassSet::Item(item),
    })
}

fn perl(class: &ast::ClassPerl) -> ast::ClassAscii {
    let kind = match class.kind {
        ast::ClassPerlKind::Digit => ast::ClassAsciiKind::Digit,
        ast::ClassPerlKind::Space => ast::ClassAsciiKind::Space,
        ast::ClassPerlKind::Word => ast::ClassAsciiKind::Word,
    };
    ast::ClassAscii { span: class.span, kind, negated: class.negated }
}

fn set(set: &mut ast::ClassSet, caseless: bool) -> Result<(), Refused> {
    match set {
        ast::ClassSet::Item(one) => item(one, caseless),
        ast::ClassSet::BinaryOp(_) => Err(Refused::Unicode),
    }
}

fn item(one: &mut ast::ClassSetItem, caseless: bool) -> Result<(), Refused> {
    use ast::ClassAsciiKind::{Alpha, Lower, Upper};
    use ast::ClassSetItem as Item;
    match one {
        Item::Unicode(_) => return Err(Refused::Unicode),
        Item::Perl(class) => *one = Item::Ascii(perl(class)),
        Item::Literal(literal) if caseless => *one = both(literal.span, literal.c, literal.c),
        Item::Range(range) if caseless => *one = both(range.span, range.start.c, range.end.c),
        Item::Ascii(class) if caseless && matches!(class.kind, Lower | Upper) => class.kind = Alpha,
        Item::Bracketed(class) => return set(&mut class.kind, caseless),
        Item::Union(union) => {
            return union.items.iter_mut().try_for_each(|one| item(one, caseless));
        }
        Item::Ascii(_) | Item::Empty(_) | Item::Literal(_) | Item::Range(_) => {}
    }
    Ok(())
}

// From one character to another, and the letters between them in the other case.
fn both(span: ast::Span, from: char, to: char) -> ast::ClassSetItem {
    let range = |from, to| {
        ast::ClassSetItem::Range(ast::ClassSetRange {
            span,
            start: verbatim(span, from),
            end: verbatim(span, to),
        })
    };
    let mut items = vec![range(from, to)];
    for (low, high, turned) in [('a', 'z', 'A'), ('A', 'Z', 'a')] {
        let (from, to) = (from.max(low), to.min(high));
        if from <= to {
            let turn = |c: char| char::from(c as u8 - low as u8 + turned as u8);
            items.push(range(turn(from), turn(to)));
        }
    }
    ast::ClassSetItem::Union(ast::ClassSetUnion { span, items })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_linear_or_not_plain_is_refused() {
        for (pattern, why) in [
            ("^a", Refused::Anchor),
            (r"a\Bb", Refused::Anchor),
            ("(?=a)b", Refused::Anchor),
            (r"(a)\1", Refused::Anchor),
            ("a{257}", Refused::Count),
            ("a*", Refused::Empty),
            (r"\b", Refused::Empty),
            ("(?s)a", Refused::Flag),
            ("(?-i:a)", Refused::Flag),
            (r"\pL", Refused::Unicode),
            ("[a-z&&b]", Refused::Unicode),
            ("(a", Refused::Syntax),
            ("[z-a]", Refused::Syntax),
        ] {
            assert_eq!(parse(pattern).err(), Some(why), "{pattern}");
        }
        let deep = format!("{}a{}", "(".repeat(60), ")".repeat(60));
        assert_eq!(parse(&deep).err(), Some(Refused::Nested));
    }

    #[test]
    fn classes_are_of_ascii_and_case_is_of_ascii() {
        let same = |one: &str, other: &str| {
            let config = regex_syntax::ParserBuilder::new().unicode(true).build().parse(other);
            assert_eq!(parse(one).unwrap(), config.unwrap(), "{one}");
        };
        same(r"\d[\w-]\s", r"[0-9][0-9A-Za-z_-][\t-\r ]");
        same(r"(?i)a(b)[c-d]k", r"[Aa](?:[Bb])[C-Dc-d][Kk]");
        same(r"(?:(?i)a)b", r"(?:[Aa])b");
        same(r"(?i:[[:upper:]])", r"[A-Za-z]");
        same(r"\bx", r"(?-u:\b)x");
    }
}
