use evanesce_core::{Lifetime, Timestamp};

use crate::boilerplate::has_address;
use crate::document::{Document, Format};
use crate::error::TemplateError;
use crate::insight::{Insight, insights};
use crate::preferences::{Preferences, TeamSize};
use crate::signal::{InsightKind, date};
use crate::template::{Effort, Step, Template};

/// How long a newsletter may be, in bytes.
pub const LIMIT: usize = 1024 * 1024;

/// How long a template lives unless its reader wants it shorter.
pub const LIFETIME: Lifetime = const { Lifetime::hours(4) };

/// Makes an implementation template of a newsletter, as of the instant `at`.
///
/// The format is told by the text. Nothing is kept: the parsed newsletter is
/// wiped before this returns.
///
/// # Errors
/// [`TemplateError::Empty`] for white space only, [`TemplateError::TooLarge`] for
/// more than [`LIMIT`] bytes, [`TemplateError::NoInsight`] where nothing can be
/// acted upon.
pub fn compose(
    newsletter: &str,
    preferences: &Preferences,
    at: Timestamp,
    lifetime: Lifetime,
) -> Result<Template, TemplateError> {
    if newsletter.len() > LIMIT {
        return Err(TemplateError::TooLarge);
    }
    if newsletter.trim().is_empty() {
        return Err(TemplateError::Empty);
    }
    let document = Document::parse(newsletter, Format::detect(newsletter));
    let mut insights = insights(&document, preferences);
    if insights.is_empty() {
        return Err(TemplateError::NoInsight);
    }
    insights.sort_by(|a, b| {
        let (fit_a, fit_b) = (fit(a, preferences), fit(b, preferences));
        fit_b.cmp(&fit_a).then(b.score().cmp(&a.score())).then(a.statement().cmp(b.statement()))
    });
    let steps = steps(&insights, preferences, at);
    Ok(Template {
        title: title(&document),
        insights,
        steps,
        generated_at: at,
        expires_at: at.plus(lifetime.duration()),
    })
}

fn title(document: &Document<'_>) -> String {
    match document.title() {
        Some(title) if title.len() <= 200 && !has_address(title) => title.to_owned(),
        _ => "This issue".to_owned(),
    }
}

// The first goal fits best; what serves no goal fits not at all.
fn fit(insight: &Insight, preferences: &Preferences) -> usize {
    let goals = preferences.goals();
    goals.iter().position(|goal| *goal == insight.topic()).map_or(0, |place| goals.len() - place)
}

// The best insights, of different kinds where there are any, the quickest first.
fn steps(insights: &[Insight], preferences: &Preferences, at: Timestamp) -> Vec<Step> {
    let wanted = preferences.steps();
    let most_of_a_kind = wanted.div_ceil(3);
    let mut chosen: Vec<usize> = Vec::new();
    let current = || (0..insights.len()).filter(|place| !is_past(&insights[*place], at));
    for place in current() {
        let kind = insights[place].kind();
        let same = chosen.iter().filter(|place| insights[**place].kind() == kind).count();
        if chosen.len() < wanted && same < most_of_a_kind {
            chosen.push(place);
        }
    }
    for place in current() {
        if chosen.len() < wanted && !chosen.contains(&place) {
            chosen.push(place);
        }
    }
    // An old issue may hold nothing but what is past: better that than nothing.
    if chosen.is_empty() {
        chosen.extend(0..wanted.min(insights.len()));
    }
    chosen.sort_by_key(|place| (effort(&insights[*place], preferences), *place));
    let numbered = chosen.into_iter().zip(1..);
    numbered.map(|(place, number)| step(number, place, &insights[place], preferences)).collect()
}

fn is_past(insight: &Insight, at: Timestamp) -> bool {
    insight.kind() == InsightKind::Event
        && date(insight.statement()).is_some_and(|day| day.start() < at.date().start())
}

fn step(number: usize, from: usize, insight: &Insight, preferences: &Preferences) -> Step {
    let what = insight.title();
    let action = match insight.kind() {
        InsightKind::Action => format!("Do what is asked: {what}"),
        InsightKind::Change => format!("Find out whether this change concerns you: {what}"),
        InsightKind::Event => format!("Decide whether to attend, and note the day: {what}"),
        InsightKind::Figure => format!("Compare this figure with your own: {what}"),
        InsightKind::HowTo => format!("Work through the instructions on a case of yours: {what}"),
        InsightKind::Note => format!("Write down what follows from this for you: {what}"),
        InsightKind::Opening => format!("Pass this opening on, or apply: {what}"),
        InsightKind::Participation => format!("Choose whether to take part, and answer: {what}"),
        InsightKind::Reading => format!("Look at this and keep one thought: {what}"),
        InsightKind::Release => format!("Try the new release beside what you use: {what}"),
    };
    let action = match preferences.crew() {
        TeamSize::Large => format!("Name an owner and a date. {action}"),
        TeamSize::Small => format!("Agree who does it. {action}"),
        TeamSize::Solo => action,
    };
    let topic = insight.topic().label();
    let why = match preferences.goals().iter().position(|goal| *goal == insight.topic()) {
        Some(place) => format!("It serves your goal number {}, {topic}.", place + 1),
        None => format!("It is among the weightiest of this issue (topic: {topic})."),
    };
    Step { number, action, why, effort: effort(insight, preferences), from }
}

fn effort(insight: &Insight, preferences: &Preferences) -> Effort {
    let alone = match insight.kind() {
        InsightKind::Figure | InsightKind::Note | InsightKind::Opening | InsightKind::Reading => {
            Effort::Minutes
        }
        InsightKind::Action | InsightKind::Change | InsightKind::Event | InsightKind::HowTo => {
            Effort::Hours
        }
        InsightKind::Participation | InsightKind::Release => Effort::Days,
    };
    // What changes the way of working takes a large team longer.
    match (preferences.crew(), insight.kind()) {
        (TeamSize::Large, InsightKind::Action | InsightKind::Change) => Effort::Days,
        _ => alone,
    }
}
