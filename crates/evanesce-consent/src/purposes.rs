use evanesce_macros::Purpose;

/// Statistics about groups. The person is asked.
#[derive(Purpose)]
#[purpose(
    notice = "Anonymous statistics about how this service is used",
    basis = "consent",
    keep = "12 months"
)]
pub struct Analytics;

/// What the person asked for. It rests on the contract and not on consent: nobody
/// is asked, and it is never counted as a consent.
#[derive(Purpose)]
#[purpose(
    notice = "Providing what you asked for, for as long as your session lasts",
    basis = "contract",
    keep = "24 hours"
)]
pub struct Essential;

/// Telemetry about the person's own requests. The person is asked.
#[derive(Purpose)]
#[purpose(
    notice = "Measuring how fast and how reliably your own requests are answered",
    basis = "consent",
    keep = "90 days"
)]
pub struct Performance;
