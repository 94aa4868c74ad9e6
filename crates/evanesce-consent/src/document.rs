use evanesce_core::{Date, Timestamp};
use zeroize::Zeroizing;

use crate::node::{DUPLICATE, Node};
use crate::{ConsentReceipt, ConsentStatus, InvalidDocument, Status};

const LONGEST: usize = 256 * 1024;
const VOCABULARY: &str = "https://w3id.org/dpv";
const MEANINGS: [(&str, &str); 3] = [
    ("dct", "http://purl.org/dc/terms/"),
    ("dpv", "https://w3id.org/dpv#"),
    ("skos", "http://www.w3.org/2004/02/skos/core#"),
];

/// A consent record or receipt in the shape that the Data Privacy Vocabulary gives to
/// ISO/IEC TS 27560 (W3C community group, "Consent Records and Receipts", version 2):
/// JSON-LD, read from somebody else or written for somebody else.
///
/// It names a person where the record does, so that it has neither `Debug` nor
/// `Serialize`, and its texts are wiped when dropped. Nothing here makes a grant out of
/// it: a document proves nothing to this service.
///
/// ```
/// use evanesce_consent::{ConsentDocument, ConsentStatus, Required};
/// let text = r#"{ "@type": "dpv:ConsentRecord", "dct:identifier": "1",
///     "dpv:hasConsentStatus": { "@type": "dpv:ConsentGiven" } }"#;
/// let record = ConsentDocument::parse(text)?;
/// assert_eq!(record.status(), ConsentStatus::Given);
/// assert!(record.missing().contains(&Required::Notice));
/// # Ok::<(), evanesce_consent::InvalidDocument>(())
/// ```
pub struct ConsentDocument {
    root: Node,
    kind: DocumentKind,
}

/// What a document is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DocumentKind {
    /// What the person keeps.
    Receipt,
    /// What the service keeps.
    Record,
}

/// A field that a document has to have (the sections of the guide).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Required {
    /// How consent is changed and withdrawn (8.3.8).
    Control,
    /// Who is responsible (8.3.5).
    Controller,
    /// Whose consent it is (8.1.3).
    DataSubject,
    /// Its own identifier (8.1.2, 9.1.2).
    Identifier,
    /// Who expressed a state (8.5.5).
    IndicatedBy,
    /// When a state began (8.5.3).
    IndicatedAt,
    /// Where it applies (8.3.9).
    Jurisdiction,
    /// What the person was told (8.2.1).
    Notice,
    /// Which data (8.3.3).
    PersonalData,
    /// What is done (8.3.1).
    Process,
    /// What for (8.3.2).
    Purpose,
    /// Who gets the data (8.3.7).
    Recipient,
    /// By which schema it is read (8.1.1, 9.1.1).
    SchemaVersion,
    /// The state (8.5.2).
    Status,
    /// Where and how long data are stored (8.3.4.2).
    Storage,
}

/// A state of the consent and how it came about.
#[derive(Clone, Copy)]
pub struct ConsentEvent<'d> {
    node: &'d Node,
}

/// What is done with data, for a purpose.
#[derive(Clone, Copy)]
pub struct Process<'d> {
    node: &'d Node,
}

/// What a service says of itself in documents that it hands out.
#[derive(Clone, Copy, Debug)]
pub struct Service<'s> {
    /// Where consent is changed and withdrawn, as an IRI.
    pub control: &'s str,
    /// The responsible entity, as an IRI.
    pub controller: &'s str,
    /// Where it applies, such as `loc:DE`.
    pub jurisdiction: &'s str,
    /// Which data, such as `dpv:AnonymisedData`.
    pub personal_data: &'s str,
    /// Who gets the data, as IRIs.
    pub recipients: &'s [&'s str],
    /// Where data are stored, such as `loc:EU`.
    pub storage: &'s str,
}

impl ConsentDocument {
    /// Reads a document. Contexts elsewhere are never loaded: the terms have to be those
    /// of the vocabulary, with its usual prefixes or its whole IRIs.
    ///
    /// # Errors
    /// [`InvalidDocument`].
    pub fn parse(text: &str) -> Result<Self, InvalidDocument> {
        if text.len() > LONGEST {
            return Err(InvalidDocument::TooLong);
        }
        let root: Node = serde_json::from_str(text).map_err(|error| {
            if error.is_data() && error.to_string().contains(DUPLICATE) {
                InvalidDocument::Duplicate
            } else {
                InvalidDocument::Syntax
            }
        })?;
        if !root.all("@context").iter().all(is_known) {
            return Err(InvalidDocument::Context);
        }
        let kind = if root.has_type("dpv:ConsentRecord") {
            DocumentKind::Record
        } else if root.has_type("dpv:ConsentReceipt") {
            DocumentKind::Receipt
        } else {
            return Err(InvalidDocument::Kind);
        };
        Ok(Self { root, kind })
    }

    /// A receipt's content with every field that a record has to have, for whoever asks
    /// for it in this form: the person herself, or an authority. It is not signed, because
    /// the receipt is.
    ///
    /// `subject` names the person in the document and nowhere else.
    #[must_use]
    pub fn of_receipt(receipt: &ConsentReceipt, subject: &str, service: &Service<'_>) -> Self {
        let issued = receipt.issued().to_string();
        let (text, list) = (Node::of, |texts: &[&str]| {
            Node::List(texts.iter().map(|text| Node::of(text)).collect())
        });
        let processes = receipt.decisions().iter().map(|decision| {
            let status = match decision.status() {
                Status::Given => ConsentStatus::Given,
                Status::Refused => ConsentStatus::Refused,
            };
            let storage =
                |kind, key, value: &str| Node::object([("@type", text(kind)), (key, text(value))]);
            Node::object([
                ("@type", text("dpv:Process")),
                (
                    "dpv:hasPurpose",
                    Node::object([
                        ("@id", text(decision.purpose().as_str())),
                        ("@type", text("dpv:Purpose")),
                        ("dct:description", text(decision.sentence())),
                    ]),
                ),
                ("dpv:hasPersonalData", text(service.personal_data)),
                ("dpv:hasLegalBasis", text("dpv:Consent")),
                ("dpv:hasRecipient", list(service.recipients)),
                (
                    "dpv:hasStorageCondition",
                    Node::List(vec![
                        storage("dpv:StorageLocation", "dpv:hasLocation", service.storage),
                        storage("dpv:StorageDuration", "dpv:hasDuration", decision.keep()),
                    ]),
                ),
                (
                    "dpv:hasConsentStatus",
                    Node::object([
                        ("@type", list(&[status.term(), "dpv:ExpressedConsent"])),
                        ("dpv:isIndicatedAtTime", text(&issued)),
                        ("dpv:isIndicatedBy", text("dpv:DataSubject")),
                    ]),
                ),
            ])
        });
        let prefixes = MEANINGS.map(|(prefix, meaning)| (prefix, text(meaning)));
        let root = Node::object([
            ("@context", Node::object(prefixes)),
            ("@type", text("dpv:ConsentRecord")),
            ("dct:conformsTo", text("https://w3id.org/dpv/schema/dpv-27560#record")),
            ("dct:identifier", text(&receipt.id().to_string())),
            ("dpv:hasDataSubject", text(subject)),
            ("dpv:hasDataController", text(service.controller)),
            ("dpv:hasJurisdiction", text(service.jurisdiction)),
            ("dpv:hasNotice", text(&receipt.notice().to_string())),
            (
                "dpv:hasConsentControl",
                Node::object([
                    ("@type", list(&["dpv:ProvideConsent", "dpv:WithdrawConsent"])),
                    ("dpv:isExercisedAt", text(service.control)),
                ]),
            ),
            ("dpv:hasProcess", Node::List(processes.collect())),
        ]);
        Self { root, kind: DocumentKind::Record }
    }

    /// The document as JSON, with everything that was read, also what is not understood
    /// here. Keys stand in the order of their names.
    #[must_use]
    pub fn write(&self) -> Zeroizing<String> {
        // There is nothing in it that JSON cannot say.
        Zeroizing::new(serde_json::to_string(&self.root).unwrap_or_default())
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// Its own identifier.
    #[must_use]
    pub fn identifier(&self) -> Option<&str> {
        let of = |key: &str| self.root.all(key).iter().find_map(Node::text);
        of("dct:identifier").or_else(|| of("dpv:hasIdentifier"))
    }

    /// The schema or profile by which it is to be read.
    #[must_use]
    pub fn schema(&self) -> Option<&str> {
        self.root.all("dct:conformsTo").iter().find_map(Node::name)
    }

    /// Everything that is done with data, also inside of something else that is done.
    #[must_use]
    pub fn processes(&self) -> Vec<Process<'_>> {
        let mut found = Vec::new();
        self.root.walk(&mut |node| {
            found.extend(node.all("dpv:hasProcess").iter().map(|node| Process { node }));
        });
        found
    }

    /// The states of the consent as a whole, in the order of their times if each has one,
    /// else in that of the document.
    #[must_use]
    pub fn events(&self) -> Vec<ConsentEvent<'_>> {
        events(&self.root)
    }

    /// The latest state of the consent as a whole. Where only single processes have one,
    /// or none has, it is unknown here, which is no consent.
    #[must_use]
    pub fn status(&self) -> ConsentStatus {
        self.events().last().map_or(ConsentStatus::Unknown, ConsentEvent::status)
    }

    /// The fields that it has to have and lacks, each once. A receipt has to have two of
    /// them, its identifier and its schema, and may leave the rest to the record.
    #[must_use]
    pub fn missing(&self) -> Vec<Required> {
        let root = &self.root;
        let mut missing = Vec::new();
        let mut need = |field: Required, is_there: bool| {
            if !is_there {
                missing.push(field);
            }
        };
        need(Required::Identifier, self.identifier().is_some());
        need(Required::SchemaVersion, self.schema().is_some());
        if self.kind == DocumentKind::Record {
            let processes = self.processes();
            let in_each = |key: &str| {
                has(root, key)
                    || !processes.is_empty() && processes.iter().all(|it| has(it.node, key))
            };
            need(Required::DataSubject, has(root, "dpv:hasDataSubject"));
            need(Required::Notice, has(root, "dpv:hasNotice"));
            need(Required::Process, !processes.is_empty());
            need(Required::Purpose, in_each("dpv:hasPurpose"));
            need(Required::PersonalData, in_each("dpv:hasPersonalData"));
            need(Required::Storage, in_each("dpv:hasStorageCondition"));
            need(Required::Controller, in_each("dpv:hasDataController"));
            need(Required::Recipient, in_each("dpv:hasRecipient"));
            need(Required::Control, in_each("dpv:hasConsentControl"));
            need(Required::Jurisdiction, in_each("dpv:hasJurisdiction"));
            need(Required::Status, in_each("dpv:hasConsentStatus"));
            let events = processes.iter().flat_map(Process::events).chain(self.events());
            let events: Vec<ConsentEvent<'_>> = events.collect();
            let all = |key: &str| events.iter().all(|event| has(event.node, key));
            need(Required::IndicatedAt, all("dpv:isIndicatedAtTime"));
            need(Required::IndicatedBy, all("dpv:isIndicatedBy"));
        }
        missing.sort_unstable();
        missing
    }
}

impl<'d> Process<'d> {
    /// The purposes, each by its name, or by the broader concept or type of one that has
    /// none.
    #[must_use]
    pub fn purposes(&self) -> Vec<&'d str> {
        names(self.node, "dpv:hasPurpose")
    }

    /// The kinds of data.
    #[must_use]
    pub fn personal_data(&self) -> Vec<&'d str> {
        names(self.node, "dpv:hasPersonalData")
    }

    /// Who gets the data.
    #[must_use]
    pub fn recipients(&self) -> Vec<&'d str> {
        names(self.node, "dpv:hasRecipient")
    }

    /// Who is responsible.
    #[must_use]
    pub fn controllers(&self) -> Vec<&'d str> {
        names(self.node, "dpv:hasDataController")
    }

    /// The lawful bases.
    #[must_use]
    pub fn legal_bases(&self) -> Vec<&'d str> {
        names(self.node, "dpv:hasLegalBasis")
    }

    /// The states of consent to this alone, as [`ConsentDocument::events`].
    #[must_use]
    pub fn events(&self) -> Vec<ConsentEvent<'d>> {
        events(self.node)
    }
}

impl<'d> ConsentEvent<'d> {
    /// The state; unknown if the vocabulary does not have it.
    #[must_use]
    pub fn status(&self) -> ConsentStatus {
        let types = self.node.all("@type").iter().chain(std::slice::from_ref(self.node));
        let mut known = types.filter_map(Node::text).filter_map(ConsentStatus::parse);
        known.next().unwrap_or(ConsentStatus::Unknown)
    }

    /// When it was expressed, in UTC where it says no zone; a day as its first instant.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        time(self.node.field("dpv:isIndicatedAtTime")?.text()?)
    }

    /// Who expressed it.
    #[must_use]
    pub fn by(&self) -> Option<&'d str> {
        self.node.all("dpv:isIndicatedBy").iter().find_map(Node::name)
    }
}

fn events(node: &Node) -> Vec<ConsentEvent<'_>> {
    let events = node.all("dpv:hasConsentStatus").iter().map(|node| ConsentEvent { node });
    let mut events: Vec<ConsentEvent<'_>> = events.collect();
    if events.iter().all(|event| event.at().is_some()) {
        events.sort_by_key(ConsentEvent::at);
    }
    events
}

fn names<'d>(node: &'d Node, key: &str) -> Vec<&'d str> {
    node.all(key).iter().filter_map(Node::name).collect()
}

fn has(node: &Node, key: &str) -> bool {
    let is_something = |value: &Node| match value {
        Node::Text(text) => !text.trim().is_empty(),
        Node::Object(fields) => !fields.is_empty(),
        Node::Flag(_) | Node::Number(_) => true,
        Node::List(_) | Node::Nothing => false,
    };
    node.all(key).iter().any(is_something)
}

// A context that could give the terms another meaning is not taken.
fn is_known(context: &Node) -> bool {
    match context {
        Node::Text(text) => text
            .strip_prefix(VOCABULARY)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '#'])),
        Node::Object(fields) => fields.iter().all(|(key, value)| {
            let expected = MEANINGS.iter().find(|(prefix, _)| prefix == key);
            // What begins with @ changes how everything else is read.
            let is_plain = !key.starts_with('@') && !key.contains(':') && value.text().is_some();
            is_plain && expected.is_none_or(|(_, meaning)| value.text() == Some(meaning))
        }),
        _ => false,
    }
}

fn time(text: &str) -> Option<Timestamp> {
    if let Ok(day) = text.parse::<Date>() {
        return format!("{day}T00:00:00Z").parse().ok();
    }
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}
