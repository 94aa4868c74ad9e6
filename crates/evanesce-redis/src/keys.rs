use base64ct::{Base64UrlUnpadded, Encoding};
use evanesce_core::{Label, Namespace};
use evanesce_session::{LookupId, Tag};

/// The names of one namespace's keys. The braces make a cluster keep all keys of a tag
/// in one slot (Redis Cluster specification, "Hash tags").
#[derive(Clone)]
pub(crate) struct Keys(Box<str>);

impl Keys {
    pub(crate) fn new(namespace: &Namespace) -> Self {
        Self(namespace.as_str().into())
    }

    /// A session's record.
    pub(crate) fn session(&self, id: &LookupId) -> String {
        let mut digits = [0; 43];
        let id_text = Base64UrlUnpadded::encode(id.id(), &mut digits).unwrap_or_default();
        format!("{{{}:{:02x}}}:s:{id_text}", self.0, id.tag().0)
    }

    /// A tag's current epoch, its draining one, and the newest number.
    pub(crate) fn epochs(&self, tag: Tag) -> [String; 3] {
        ["c", "d", "n"].map(|part| format!("{{{}:{:02x}}}:e:{part}", self.0, tag.0))
    }

    /// What matches every session of the namespace and nothing else. None of the
    /// characters that a namespace may have means anything in a pattern.
    pub(crate) fn every_session(&self) -> String {
        format!("{{{}:??}}:s:*", self.0)
    }

    /// A lease, and the number of its last holder.
    pub(crate) fn lease(&self, name: &Label) -> [String; 2] {
        ["l", "f"].map(|part| format!("{{{}:lease}}:{part}:{name}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_tag_share_one_hash_tag() {
        let keys = Keys::new(&Namespace::new("news").unwrap());
        let id = LookupId::new(Tag(10), [0xff; 32]);
        let session = keys.session(&id);
        assert_eq!(session, format!("{{news:0a}}:s:{}8", "_".repeat(42)));
        assert_eq!(keys.epochs(Tag(10)), ["{news:0a}:e:c", "{news:0a}:e:d", "{news:0a}:e:n"]);
        assert_eq!(keys.every_session(), "{news:??}:s:*");
    }
}
