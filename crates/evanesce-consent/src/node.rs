use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

/// Said by a key that stands twice; recognised by its text, because that is all that a
/// reader's error carries.
pub(crate) const DUPLICATE: &str = "a key stands twice";

/// A value of JSON, whose texts are wiped when dropped. Objects have each key once.
pub(crate) enum Node {
    Flag(bool),
    List(Vec<Node>),
    Nothing,
    Number(serde_json::Number),
    Object(BTreeMap<String, Node>),
    Text(String),
}

impl Node {
    /// An object's value.
    pub(crate) fn field(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.get(key),
            _ => None,
        }
    }

    /// JSON-LD writes a single value without its list.
    pub(crate) fn each(&self) -> &[Self] {
        match self {
            Self::List(values) => values,
            Self::Nothing => &[],
            one => std::slice::from_ref(one),
        }
    }

    /// The values of a key, one or many.
    pub(crate) fn all(&self, key: &str) -> &[Self] {
        self.field(key).map_or(&[], Self::each)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What names a thing: its text, or in this order its `@id`, the broader concept and
    /// the type of an object.
    pub(crate) fn name(&self) -> Option<&str> {
        let of = |key: &str| self.all(key).iter().find_map(Self::text);
        self.text().or_else(|| of("@id")).or_else(|| of("skos:broader")).or_else(|| of("@type"))
    }

    /// Whether an object has one of these types.
    pub(crate) fn has_type(&self, name: &str) -> bool {
        let full =
            |text: &str| text.strip_prefix("https://w3id.org/dpv#") == name.strip_prefix("dpv:");
        self.all("@type").iter().filter_map(Self::text).any(|text| text == name || full(text))
    }

    /// The object itself and everything in it.
    pub(crate) fn walk<'n>(&'n self, visit: &mut impl FnMut(&'n Self)) {
        visit(self);
        match self {
            Self::List(values) => values.iter().for_each(|value| value.walk(visit)),
            Self::Object(fields) => fields.values().for_each(|value| value.walk(visit)),
            _ => {}
        }
    }

    pub(crate) fn object<const N: usize>(fields: [(&str, Self); N]) -> Self {
        Self::Object(fields.map(|(key, value)| (key.to_owned(), value)).into())
    }

    pub(crate) fn of(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Self::Text(text) = self {
            text.zeroize();
        }
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::List(values) => serializer.collect_seq(values),
            Self::Nothing => serializer.serialize_unit(),
            Self::Number(number) => number.serialize(serializer),
            Self::Object(fields) => serializer.collect_map(fields),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read)
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Node, E> {
        Ok(Node::Flag(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Node, E> {
        Ok(serde_json::Number::from_f64(number).map_or(Node::Nothing, Node::Number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::of(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Node::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            match fields.entry(key) {
                Entry::Occupied(_) => return Err(A::Error::custom(DUPLICATE)),
                Entry::Vacant(place) => place.insert(map.next_value()?),
            };
        }
        Ok(Node::Object(fields))
    }
}
