use evanesce_anonymize::Event;
use evanesce_audit::{Activity, Counted, Place, ProcessingRecord};
use evanesce_consent::Notice;
use evanesce_core::{Label, Purpose, PurposeId};

/// What an event declares of itself, with the purpose that it is counted for.
pub(crate) struct Declared {
    purpose: PurposeId,
    counted: Counted,
}

impl Declared {
    pub(crate) fn of<E: Event>() -> Self {
        let dimensions = E::DIMENSIONS
            .iter()
            .map(|dimension| (dimension.name.to_owned(), dimension.labels.len()))
            .collect();
        let counted = Counted {
            name: E::NAME.to_owned(),
            owner: E::OWNER.to_owned(),
            until: E::UNTIL,
            dimensions,
        };
        Self { purpose: E::Purpose::id(), counted }
    }
}

/// What the program does with data, as it declares it.
pub(crate) fn record(
    service: Label,
    notice: &Notice,
    events: &[Declared],
    places: Vec<Place>,
) -> ProcessingRecord {
    let activities = notice.purposes().iter().map(|offer| Activity {
        purpose: offer.purpose.clone(),
        sentence: offer.sentence.to_owned(),
        basis: offer.basis,
        keep: offer.keep,
        events: events
            .iter()
            .filter(|event| event.purpose == offer.purpose)
            .map(|event| event.counted.clone())
            .collect(),
    });
    ProcessingRecord::new(service, activities.collect(), places)
}
