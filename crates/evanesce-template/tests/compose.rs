//! What `compose` promises beyond its insights.

#![allow(clippy::panic, reason = "tests")]

use std::fmt;
use std::time::Duration;

use evanesce_core::{Lifetime, Timestamp};
use evanesce_template::{
    Depth, Document, Effort, Form, Insight, InsightKind, LIFETIME, LIMIT, Pace, Preferences,
    Section, TeamSize, Template, TemplateError, Topic, compose,
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_millis(1_785_900_000_000); // 2026-08-05

fn made(newsletter: &str, preferences: &Preferences) -> Template {
    match compose(newsletter, preferences, NOW, LIFETIME) {
        Ok(template) => template,
        Err(error) => panic!("{error}"),
    }
}

fn refused(newsletter: &str) -> TemplateError {
    match compose(newsletter, &Preferences::new(), NOW, LIFETIME) {
        Ok(_) => panic!("a template was made"),
        Err(error) => error,
    }
}

#[test]
fn what_cannot_become_a_template_is_refused_with_its_reason() {
    assert_eq!(refused(""), TemplateError::Empty);
    assert_eq!(refused(" \n\t\u{a0}"), TemplateError::Empty);
    assert_eq!(refused("Hello there"), TemplateError::NoInsight);
    assert_eq!(refused("Unsubscribe: write to news@example.org"), TemplateError::NoInsight);
    assert_eq!(refused(&"a".repeat(LIMIT + 1)), TemplateError::TooLarge);
    assert_eq!(refused(&"a ".repeat(LIMIT / 2)), TemplateError::NoInsight);
}

#[test]
fn a_template_ends_when_its_lifetime_does() {
    let text = "- Rotate every password before you travel.";
    let template = made(text, &Preferences::new());
    assert_eq!(template.expires_at().since(NOW), Duration::from_secs(4 * 3600));
    assert!(template.is_valid_at(NOW));
    assert!(!template.is_valid_at(template.expires_at()));
    let short = compose(text, &Preferences::new(), NOW, Lifetime::hours(2)).ok().unwrap();
    assert_eq!(short.expires_at().since(NOW), Duration::from_secs(2 * 3600));
    assert_eq!(short.generated_at(), NOW);
}

const MIXED: &str = "# News\n\n\
    * Rotate every password of the office before you travel.\n\
    * [How to read a balance sheet](https://example.org/1), a guide for founders\n\
    * [Announcing the new version of the archive](https://example.org/2)\n\
    * We are looking for volunteers for the garden in spring.\n\
    * Revenue of the shop rose by 12% in the last quarter.\n\
    * 2026-08-01 | Lyon | [Meetup of the bee keepers](https://example.org/3)\n\
    * 2026-09-01 | Lyon | [Meetup of the honey makers](https://example.org/4)\n\
    * [Three letters from the sea](https://example.org/5)\n\
    * The studio is hiring a carpenter for the summer.\n";

#[test]
fn goals_come_first_and_then_weight() {
    let preferences = Preferences::new().goal(Topic::Business).goal(Topic::Security);
    let preferences = preferences.depth(Depth::Deep);
    let template = made(MIXED, &preferences);
    let topics: Vec<_> = template.insights().iter().map(Insight::topic).collect();
    let rank = |topic: &Topic| match topic {
        Topic::Business => 0,
        Topic::Security => 1,
        _ => 2,
    };
    assert!(topics.is_sorted_by_key(rank), "{topics:?}");
    assert_eq!(topics[0], Topic::Business);
    let serving: Vec<_> = template.steps().iter().filter(|s| s.why().contains("goal")).collect();
    assert!(serving.iter().any(|s| s.why().contains("goal number 1, business")));
    let rest = template.insights().iter().filter(|i| rank(&i.topic()) == 2);
    assert!(rest.map(|i| std::cmp::Reverse(i.score())).is_sorted());
}

#[test]
fn steps_follow_pace_and_team_and_go_from_quick_to_long() {
    let deep = || Preferences::new().depth(Depth::Deep);
    for (pace, steps) in [(Pace::Relaxed, 3), (Pace::Steady, 5), (Pace::Fast, 8)] {
        let template = made(MIXED, &deep().pace(pace));
        assert_eq!(template.steps().len(), steps);
        assert!(template.steps().iter().map(|step| step.effort()).is_sorted());
        assert!(template.steps().iter().map(|step| step.number()).eq(1..=steps));
        for step in template.steps() {
            assert!(step.action().ends_with(template.insights()[step.from()].title()));
        }
    }
    let action = |team| {
        let template = made("- Rotate every password of the office.", &deep().team(team));
        let step = &template.steps()[0];
        (step.effort(), step.action().to_owned())
    };
    assert_eq!(action(TeamSize::Solo).0, Effort::Hours);
    assert_eq!(action(TeamSize::Large).0, Effort::Days);
    assert!(action(TeamSize::Small).1.starts_with("Agree who does it."));
}

#[test]
fn an_event_of_yesterday_is_no_step() {
    let template = made(MIXED, &Preferences::new().goal(Topic::Event).pace(Pace::Fast));
    let steps: Vec<_> = template.steps().iter().map(|step| step.action()).collect();
    assert!(steps.iter().any(|action| action.contains("2026-09-01")), "{steps:?}");
    assert!(!steps.iter().any(|action| action.contains("2026-08-01")), "{steps:?}");
    assert!(template.insights().iter().any(|i| i.statement().contains("2026-08-01")));
    assert!(template.insights().iter().any(|i| i.kind() == InsightKind::Event));
}

#[test]
fn the_same_newsletter_is_understood_in_each_format() {
    let markdown = "## News\n\n* Rotate every password before you travel.\n* [How to read a map](https://e.org)\n";
    let plain = "NEWS\n\n- Rotate every password before you travel.\n- How to read a map\n";
    let html = "<h2>News</h2><ul><li>Rotate every password before you travel.</li>\
        <li><a href=\"https://e.org\">How to read a map</a></li></ul><p>You get <b>this</b></p>";
    for source in [markdown, plain, html] {
        let template = made(source, &Preferences::new());
        let statements: Vec<_> = template.insights().iter().map(Insight::statement).collect();
        assert!(statements.contains(&"Rotate every password before you travel."), "{source}");
        assert!(statements.contains(&"How to read a map"), "{source}");
    }
}

#[test]
fn what_holds_an_address_never_becomes_an_insight() {
    let source = "# News\n\n* Rotate every password, and tell ann@example.org about it.\n\
        * [Apply for the grant of 500 euros](mailto:bob@example.org)\n\
        * Update the app, <carla@example.org> says.\n\
        * Upgrade the door codes before you travel.\n\n\
        Try the new oven of dora&#64;example.org. [Use](mailto:emil@example.org) the garden gate.\n\
        Check the roof before winter comes.\n";
    let html = "<h1>News</h1><p>Try the oven: write to <a href=\"mailto:ann@example.org\">Ann</a>.</p>\
        <p>Upgrade the door codes before you travel.</p>";
    for source in [source, html] {
        let template = made(source, &Preferences::new());
        let text = template.render(Form::Markdown);
        assert!(text.contains("door codes"));
        for word in ["password", "grant", "app,", "oven", "gate", "example.org"] {
            assert!(!text.contains(word), "{word}");
        }
    }
}

#[test]
fn markup_of_the_newsletter_is_never_markup_of_the_template() {
    let attack =
        "Use \"quotes\" & 'ticks' &lt;script&gt;alert(1)&lt;/script&gt; {{7*7}} `x` \\* [y] now";
    let template =
        made(&format!("Title: a &lt;b&gt;\n\n# News\n\n* {attack}\n"), &Preferences::new());
    let html = template.render(Form::Html);
    assert!(html.contains("&lt;script&gt;alert(1)"), "{html}");
    assert!(html.contains("&quot;quotes&quot; &amp; &#39;ticks&#39;"));
    assert!(!html.contains("<script"));
    let markdown = template.render(Form::Markdown);
    assert!(markdown.contains("&lt;script&gt;") && !markdown.contains("<script"));
    let json = template.render(Form::Json);
    assert!(!json.contains('<'));
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["insights"][0]["statement"], template.insights()[0].statement());
    assert_eq!(value["expires_at"], template.expires_at().to_string());
    assert_eq!(value["steps"][0]["insight"], 0);
}

#[test]
fn preferences_survive_guarded_memory() {
    let preferences = Preferences::new()
        .goal(Topic::Other)
        .goal(Topic::Career)
        .goal(Topic::Other)
        .pace(Pace::Fast)
        .team(TeamSize::Large)
        .depth(Depth::Brief);
    let secret = evanesce_memory::to_secret(&preferences).unwrap();
    let back: Preferences = evanesce_memory::from_secret(&secret).unwrap();
    assert!(back == preferences);
    assert_eq!(back.goals(), [Topic::Other, Topic::Career]);
}

// Only our own tags may stand in the page.
fn has_only_our_tags(html: &str) -> bool {
    html.split('<').skip(1).all(|rest| {
        let Some((tag, _)) = rest.split_once('>') else { return false };
        let name = tag.trim_start_matches('/').split(' ').next().unwrap_or("");
        ["article", "h1", "h2", "li", "ol", "p", "small", "time"].contains(&name)
    })
}

proptest! {
    #[test]
    fn no_text_panics_and_no_output_holds_foreign_markup(
        text in "(Use |the |[a-zäß🦀 .!\n#*_`<>/\"'=\\[\\]()&;@0-9-]|&lt;|&#60;|<img|\n- |\u{2028}|\\\\){0,120}"
    ) {
        if let Ok(template) = compose(&text, &Preferences::new(), NOW, LIFETIME) {
            prop_assert!(has_only_our_tags(&template.render(Form::Html)));
            prop_assert!(!template.render(Form::Markdown).contains('<'));
            let json: Result<serde_json::Value, _> = serde_json::from_str(&template.render(Form::Json));
            prop_assert!(json.is_ok());
            for insight in template.insights() {
                prop_assert!(insight.span().slice(&text).is_some());
            }
        }
    }

    #[test]
    fn any_text_has_an_answer_and_always_the_same(text in any::<String>()) {
        let once = compose(&text, &Preferences::new(), NOW, LIFETIME);
        let twice = compose(&text, &Preferences::new(), NOW, LIFETIME);
        let written = |t: Result<Template, TemplateError>| t.map(|t| t.render(Form::Json));
        prop_assert_eq!(written(once), written(twice));
    }
}

// If a type implemented the trait, the choice of the impl would be ambiguous and
// this file would not compile.
macro_rules! assert_not_implemented {
    ($($type:ty: $bound:path),+ $(,)?) => {$({
        trait Ambiguous<A> { fn choose() {} }
        impl<T: ?Sized> Ambiguous<()> for T {}
        struct Implemented;
        impl<T: ?Sized + $bound> Ambiguous<Implemented> for T {}
        let _ = <$type as Ambiguous<_>>::choose;
    })+};
}

#[test]
fn nothing_prints_or_serialises_a_newsletter() {
    assert_not_implemented!(
        Template: fmt::Debug, Template: fmt::Display, Template: serde::Serialize,
        Insight: fmt::Debug, Insight: fmt::Display, Insight: serde::Serialize,
        Document<'static>: fmt::Debug, Section: fmt::Debug,
        Preferences: fmt::Debug, Preferences: serde::Serialize,
    );
}
