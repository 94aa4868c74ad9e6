//! How programs write a person's numbers into their logs: under the names of fields, as
//! parameters of statements, in queries.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use evanesce_detect::{Kind, Scanner};

fn kinds(text: &str) -> Vec<Kind> {
    Scanner::default().scan(text).iter().map(|finding| finding.kind).collect()
}

#[test]
fn a_plus_in_a_query_is_a_blank() {
    for (text, kind) in [
        ("GET /account?card=4012+8888+8888+1881 HTTP/1.1", Kind::CreditCard),
        ("GET /account?id=7&phone=%2B1+212-555-0152 HTTP/1.1", Kind::Phone),
        ("GET /account?nhs_number=943+476+5919 HTTP/1.1", Kind::UkNhs),
    ] {
        assert!(kinds(text).contains(&kind), "{text}");
    }
    // A sum is none.
    assert!(!kinds("total = 4012+8888+8888+1881").contains(&Kind::CreditCard));
}

#[test]
fn the_words_of_a_name_are_joined_by_signs_or_capitals() {
    for name in ["my_number", "my-number", "my.number", "myNumber", "my number"] {
        let text = format!(r#"{{"{name}":"123456789018"}}"#);
        assert!(kinds(&text).contains(&Kind::JpMyNumber), "{text}");
    }
}

#[test]
fn an_account_counts_nothing() {
    let text = "GET /account?id_card=11010519491231002X HTTP/1.1";
    assert!(kinds(text).contains(&Kind::CnResident));
    assert!(kinds("GET /account?sa_id=8001015009087 HTTP/1.1").contains(&Kind::ZaId));
}

#[test]
fn a_parameter_has_the_name_that_its_statement_gives_it() {
    let text = |name: &str, value: &str| {
        format!("UPDATE people SET {name} = $1 WHERE id = $2\nDETAIL:  parameters: $1 = '{value}'")
    };
    assert!(kinds(&text("teudat_zehut", "123456782")).contains(&Kind::IlPersonal));
    let key = "kn8sQBVJvgDql6OistiAr4GQJ7gLIW0iaWEEUOrg";
    assert!(kinds(&text("api_key", key)).contains(&Kind::Secret));
    assert!(!kinds(&text("etag", key)).contains(&Kind::Secret));
    // Another variable of a program is no parameter.
    assert!(kinds(&format!("$api_key = \"{key}\";")).contains(&Kind::Secret));
}

#[test]
fn a_secret_is_known_by_the_name_beside_it() {
    let key = "pdFpkq0pFqTajooxXWM9w7Gj3ibwsaO32k5pR6jD";
    for text in [
        format!("IllegalArgumentException: api_key {key} is not acceptable"),
        format!("DETAIL:  Key (api_key)=({key}) already exists."),
        "GET /account?api_key=YsOvbaIOeAGzDZmjXXqTyHIHPdvuulDSaNQMUGIE HTTP/1.1".to_owned(),
    ] {
        assert!(kinds(&text).contains(&Kind::Secret), "{text}");
    }
    for text in [
        format!("the token {}", "of-this-very-long-sentence-of-words"),
        format!("commit {}", "9ae64690c5b9d1e7a2f4c8b3e6d7f1a2b3c4d5e6"),
        "apiKey = thisIsTheNameOfAPropertyThatIsReadFromAFile".to_owned(),
    ] {
        assert!(!kinds(&text).contains(&Kind::Secret), "{text}");
    }
}

#[test]
fn german_numbers_are_found_as_they_are_printed() {
    assert!(kinds("Rentenversicherungsnummer 15 070649 C 103").contains(&Kind::DeSocialSecurity));
    assert!(kinds("personalausweis=\"LX3CXZRK06\"").contains(&Kind::DeDocument));
    assert!(!kinds("part LX3CXZRK06").contains(&Kind::DeDocument));
}
