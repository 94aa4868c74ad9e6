//! Services whose keys carry no mark of their own: only their name beside a value of the
//! documented form tells them.

use super::form::{Form, Set};

/// A service, the word for it in names, and the forms of its keys.
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) forms: &'static [Form],
}

const fn of(name: &'static str, forms: &'static [Form]) -> Service {
    Service { name, forms }
}

const fn long(set: Set, len: usize) -> Form {
    Form::new("", set, len, len)
}

const UUID: Form = long(Set::Uuid, 36);
const HEX_32: Form = long(Set::Hex, 32);
const HEX_40: Form = long(Set::Hex, 40);
const HEX_48: Form = long(Set::Hex, 48);
const HEX_64: Form = long(Set::Hex, 64);
const ALNUM_16: Form = long(Set::Alnum, 16);
const ALNUM_20: Form = long(Set::Alnum, 20);
const ALNUM_24: Form = long(Set::Alnum, 24);
const ALNUM_30: Form = long(Set::Alnum, 30);
const ALNUM_32: Form = long(Set::Alnum, 32);
const ALNUM_40: Form = long(Set::Alnum, 40);
const ALNUM_64: Form = long(Set::Alnum, 64);
const ALNUM_73: Form = long(Set::Alnum, 73);
const NAME_32: Form = long(Set::Name, 32);
const NAME_40: Form = long(Set::Name, 40);

/// Forms and lengths as the services document or issue them.
pub(super) static SERVICES: &[Service] = &[
    of("adafruit", &[NAME_32]),
    of("adobe", &[HEX_32]),
    of("airtable", &[long(Set::Alnum, 17)]),
    of("algolia", &[ALNUM_32]),
    of("alibaba", &[ALNUM_30]),
    of("artifactory", &[ALNUM_64, ALNUM_73]),
    of("asana", &[long(Set::Digit, 16), ALNUM_32]),
    of("atlassian", &[ALNUM_24]),
    of("aws_account", &[long(Set::Digit, 12)]),
    of("aws_secret", &[long(Set::Base, 40)]),
    of("beamer", &[Form::new("b_", Set::Padded, 44, 44)]),
    of("bintray", &[ALNUM_64, ALNUM_73]),
    of("bitbucket", &[ALNUM_32, long(Set::Padded, 64)]),
    of("bittrex", &[ALNUM_32]),
    of("blynk", &[NAME_32, NAME_40]),
    of("cc_test_reporter_id", &[HEX_64]),
    of("cloudant", &[HEX_64, ALNUM_24]),
    of("cloudflare", &[NAME_40, long(Set::Hex, 37)]),
    of("codeclimate", &[HEX_64]),
    of("codecov", &[ALNUM_32]),
    of("cohere", &[ALNUM_40]),
    of("coinbase", &[long(Set::Name, 64)]),
    of("confluence", &[ALNUM_24]),
    of("confluent", &[ALNUM_16, ALNUM_64]),
    of("contentful", &[long(Set::Padded, 43)]),
    of("contribsys", &[Form::new("", Set::Pair, 17, 17)]),
    of("cos-sec", &[HEX_48]),
    of("cos_sec", &[HEX_48]),
    of("datadog", &[ALNUM_32, ALNUM_40]),
    of("discord", &[HEX_64, long(Set::Digit, 18), long(Set::Padded, 32)]),
    of("droneci", &[ALNUM_32]),
    of("dropbox", &[long(Set::Alnum, 15), long(Set::Padded, 64)]),
    of("etsy", &[ALNUM_24]),
    of("facebook", &[HEX_32]),
    of("fastly", &[long(Set::Padded, 32)]),
    of("figma", &[long(Set::Uuid, 41)]),
    of("finicity", &[HEX_32, ALNUM_20]),
    of("finnhub", &[ALNUM_20]),
    of("flickr", &[ALNUM_32]),
    of("freshbooks", &[ALNUM_64]),
    of("gitter", &[NAME_40]),
    of("gocardless", &[Form::new("live_", Set::Padded, 40, 40)]),
    of("heroku", &[UUID]),
    of("hubspot", &[UUID]),
    of("iam_api", &[long(Set::Name, 44)]),
    of("ibm", &[long(Set::Name, 44)]),
    of("intercom", &[long(Set::Padded, 60)]),
    of("jenkins", &[Form::new("", Set::Hex, 32, 36), UUID]),
    of("jfrog", &[ALNUM_64, ALNUM_73]),
    of("jira", &[ALNUM_24]),
    of("kagi", &[Form::new("", Set::Dotted, 55, 55)]),
    of("kraken", &[Form::new("", Set::Base, 80, 90)]),
    of("kucoin", &[long(Set::Hex, 24), UUID]),
    of("launchdarkly", &[long(Set::Padded, 40)]),
    of("linear", &[HEX_32]),
    of("linked-in", &[Form::new("", Set::Alnum, 12, 16)]),
    of("linked_in", &[Form::new("", Set::Alnum, 12, 16)]),
    of("linkedin", &[Form::new("", Set::Alnum, 12, 16)]),
    of(
        "lob",
        &[
            Form::new("live_", Set::Hex, 35, 35),
            Form::new("live_pub_", Set::Hex, 31, 31),
            Form::new("test_", Set::Hex, 35, 35),
            Form::new("test_pub_", Set::Hex, 31, 31),
        ],
    ),
    of("looker", &[ALNUM_20, ALNUM_24]),
    of("mailchimp", &[Form::new("", Set::Name, 35, 38)]),
    of("mailgun", &[Form::new("", Set::Name, 36, 50)]),
    of("mapbox", &[Form::new("pk.", Set::Dotted, 60, 160), Form::new("sk.", Set::Dotted, 60, 160)]),
    of("mattermost", &[long(Set::Alnum, 26)]),
    of("meraki", &[HEX_40]),
    of("message-bird", &[long(Set::Alnum, 25), UUID]),
    of("message_bird", &[long(Set::Alnum, 25), UUID]),
    of("messagebird", &[long(Set::Alnum, 25), UUID]),
    of("netlify", &[Form::new("", Set::Padded, 40, 46)]),
    of("new-relic", &[HEX_40, ALNUM_64]),
    of("new-york-times", &[long(Set::Padded, 32)]),
    of("new_relic", &[HEX_40, ALNUM_64]),
    of("newrelic", &[HEX_40, ALNUM_64]),
    of("newyorktimes", &[long(Set::Padded, 32)]),
    of("nytimes", &[long(Set::Padded, 32)]),
    of("okta", &[Form::new("00", Set::Padded, 40, 40)]),
    of("plaid", &[ALNUM_24, ALNUM_30, Form::new("access-", Set::Name, 43, 48)]),
    of("postmark", &[UUID]),
    of("private-ai", &[ALNUM_32]),
    of("private_ai", &[ALNUM_32]),
    of("privateai", &[ALNUM_32]),
    of("rapidapi", &[long(Set::Name, 50)]),
    of("sauce", &[UUID]),
    of("secret_access_key", &[long(Set::Base, 40), HEX_48]),
    of("sendbird", &[HEX_40, UUID]),
    of("sentry", &[HEX_64]),
    of("sl-api", &[ALNUM_64]),
    of("sl_api", &[ALNUM_64]),
    of("snyk", &[UUID]),
    of("softlayer", &[ALNUM_64]),
    of("sonar", &[long(Set::Padded, 40)]),
    of("squarespace", &[UUID]),
    of("sumo", &[Form::new("su", Set::Alnum, 12, 12), ALNUM_64]),
    of("telegr", &[Form::new("", Set::Bot, 41, 52)]),
    of("thingsboard", &[ALNUM_20]),
    of("travis", &[long(Set::Alnum, 22)]),
    of("trello", &[HEX_32, HEX_64]),
    of("truenas", &[Form::new("", Set::Name, 66, 68)]),
    of("twitch", &[ALNUM_30]),
    of(
        "twitter",
        &[
            Form::new("", Set::Alnum, 25, 25),
            Form::new("", Set::Alnum, 35, 50),
            Form::new("", Set::Name, 36, 66),
            Form::new("AAAAAAAAAAAAAAAAAAAAAA", Set::Percent, 80, 100),
        ],
    ),
    of("xray", &[ALNUM_64, ALNUM_73]),
    of("zendesk", &[ALNUM_40]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_in_order_and_have_a_form() {
        assert!(SERVICES.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(SERVICES.iter().all(|service| !service.forms.is_empty()));
    }
}
