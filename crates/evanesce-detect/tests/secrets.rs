//! Every family of secrets once in the settings where they are met, and what looks like one
//! and is none.

use evanesce_detect::{Kind, Operator, Scanner, holds_keys};

// Signs that follow no order, so that no filter of words or sequences meets them.
const ALNUM: &str = "q8Z1v0Lk2Xw9Rt5bJm7Nc4Hs6Gd3Pf8Ya1Ue9Io2Kx5Tz7Vr4Wq6Bn3Mj8Sl1Dh0Cg2Fy5Ei9Oa4Ku7XpQt3Zw6Rb1Nv8Ls";
const HEX: &str =
    "7f3a9c1e5b8d2046e9a7c3f1b5d80264a9e7c1f3b5d8e20469c7a1f3e5b8d206f4a9c7e1b3d5f80264e9";

fn made(pattern: &str) -> String {
    // `{a40}` and `{h32}` stand for so many signs of the rows above.
    let parts = pattern.split('{').enumerate().map(|(i, part)| match part.split_once('}') {
        Some((sign, rest)) if i > 0 => {
            let row = if sign.starts_with('h') { HEX } else { ALNUM };
            let count: usize = sign[1..].parse().unwrap_or(0);
            format!("{}{rest}", &row[..count])
        }
        _ => part.to_owned(),
    });
    parts.collect()
}

/// Whether the secret is found in the text, and gone from what is let out.
fn is_taken(text: &str, secret: &str) -> bool {
    let scanner = Scanner::default();
    // A secret may lie inside of an address, which is the longer finding.
    let found = scanner.scan_all(text).iter().any(|f| f.kind.is_secret());
    found && !scanner.redact(text, &Operator::Replace).text.contains(secret)
}

#[test]
fn tokens_with_a_prefix_are_found_in_every_setting() {
    for pattern in [
        "ghp_{a36}",
        "github_pat_{a82}",
        "glpat-{a20}",
        "npm_{a36}",
        "xoxb-2847193056-7391{a24}",
        "sk_live_{a24}",
        "sk-ant-api03-{a93}AA",
        "AIza{a35}",
        "ya29.{a60}",
        "SG.{a22}.{a43}",
        "dop_v1_{h64}",
        "shpat_{h32}",
        "dapi{h32}",
        "hvs.{a95}",
        "PMAK-{h24}-{h34}",
        "NRAK-{a27}",
        "rubygems_{h48}",
        "sgp_local_{h40}",
        "SK{h32}",
        "live_284719305_{a32}",
        "{a14}.atlasv1.{a64}",
        "{a6}_{a29}_mmk",
        "{a3}8Q~{a32}",
    ] {
        let token = made(pattern);
        for text in [
            token.clone(),
            format!("export A={token}"),
            format!("{{\"a\": \"{token}\"}}"),
            format!("a: '{token}'\n"),
            format!("<a>{token}</a>"),
            format!("curl -H 'X: {token}' https://a.example"),
        ] {
            assert!(is_taken(&text, &token), "{text}");
        }
        let glued = format!("x{token}");
        let scanner = Scanner::default();
        assert!(scanner.scan(&glued).iter().all(|f| f.start > 0), "{glued}");
    }
}

#[test]
fn keys_without_a_prefix_are_found_beside_the_name_of_their_service() {
    for (name, pattern) in [
        ("algolia", "{a32}"),
        ("airtable", "{a17}"),
        ("asana", "4829105736281940"),
        ("discord", "{h64}"),
        ("heroku", "98fc74a8-ff56-4a21-85f6-7a1fcac895c9"),
        ("linkedin", "{a14}"),
        ("lob", "live_{h35}"),
        ("meraki", "{h40}"),
        ("plaid", "{a24}"),
        ("snyk", "98fc74a8-ff56-4a21-85f6-7a1fcac895c9"),
        ("twitter", "{a45}"),
        ("zendesk", "{a40}"),
    ] {
        let key = made(pattern);
        let upper = name.to_uppercase();
        for text in [
            format!("{upper}={key}"),
            format!("my_{name} := \"{key}\""),
            format!("{{\"{name}\": \"{key}\"}}"),
            format!("set(\"{upper}\", \"{key}\")"),
            format!("'{name}' => '{key}'"),
            format!("{name} ||= '{key}'"),
        ] {
            assert!(is_taken(&text, &key), "{text}");
        }
        // Inside of another word the name is none.
        let other = format!("x{name}x: {key}");
        assert!(!is_taken(&other, &key), "{other}");
    }
}

#[test]
fn secrets_are_found_by_their_names() {
    for (text, secret) in [
        ("api_key = q8Z1v0Lk2Xw9Rt5b", "q8Z1v0Lk2Xw9Rt5b"),
        ("Unseal Key 2: q8Z1v0Lk2Xw9Rt5bJm7Nc4Hs6Gd3Pf8Y", "q8Z1v0Lk2Xw9Rt5bJm7Nc4Hs6Gd3Pf8Y"),
        ("PrivateKey = q8Z1v0Lk2Xw9Rt5bJm7Nc4Hs6Gd3Pf8Ya1Ue9Io2Kx4=", "q8Z1v0Lk2Xw9Rt5b"),
        ("Server=a;User Id=b;Password=Qx7!kd82;", "Qx7!kd82"),
        ("AccountName=a;AccountKey=q8Z1v0Lk2Xw9Rt5bJm7Nc4Hs6==;", "q8Z1v0Lk2Xw9Rt5b"),
        ("postgres://reader:Qx7kd82@db.example/a", "Qx7kd82"),
        ("<add key=\"ClearTextPassword\" value=\"Qx7%kd82\" />", "Qx7%kd82"),
        ("{\"name\": \"API_TOKEN\", \"value\": \"q8Z1v0Lk2Xw9Rt5b\"}", "q8Z1v0Lk2Xw9Rt5b"),
        ("- name: API_TOKEN\n  value: q8Z1v0Lk2Xw9Rt5b\n", "q8Z1v0Lk2Xw9Rt5b"),
        ("variable \"api_token\" {\n  default = \"q8Z1v0Lk2Xw9Rt5b\"\n}", "q8Z1v0Lk2Xw9Rt5b"),
        ("if (\"Qx7!kd82\" == password) {", "Qx7!kd82"),
        ("password = 'open sesame'", "open sesame"),
        ("new NetworkCredential(\"reader\", \"Qx7!kd82\")", "Qx7!kd82"),
        ("Authorization: Bearer q8Z1v0Lk2", "q8Z1v0Lk2"),
        (
            "PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 1\nq8Z1v0Lk2Xw9\nPrivate-MAC: 7f3a\n",
            "q8Z1v0Lk2Xw9",
        ),
        ("kind: Secret\ndata:\n  a: cTh6MXYwTGsyWHc5\n", "cTh6MXYwTGsyWHc5"),
        (
            "https://a.example/b?sv=1&sig=q8Z1v0Lk2Xw9Rt5bJm7Nc4Hs6Gd3Pf8Ya1Ue9Io2Kx4%3D",
            "q8Z1v0Lk2Xw9Rt5b",
        ),
        (
            "{\"kty\":\"EC\",\"d\":\"q8Z1v0Lk2Xw9Rt5bJm7Nc4Hs6Gd3Pf8Ya1Ue9Io2Kx4\"}",
            "q8Z1v0Lk2Xw9Rt5b",
        ),
    ] {
        assert!(is_taken(text, secret), "{text}");
    }
}

#[test]
fn what_only_looks_like_a_secret_is_let_out() {
    for text in [
        "api_key = your-api-key-goes-here",
        "api_key: ${API_KEY}, token: $TOKEN, secret: {{ .Values.secret }}, pwd=%PWD%",
        "API_KEY=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "token = \"0123456789abcdefghijklmnopqrstuv\"",
        "bucket_key = \"SalesResults-2024.1\"",
        "token_url = \"https://a.example/oauth2/v1/token\"",
        "auth_domain: reader48291.a.example",
        "password: &'static str, token: tokio::sync::CancellationToken",
        "password = password; secret = vault.read(\"db/1\")",
        "this.addPassword = \"#add-password\";",
        "\"password\": \"Please enter your new password, twice.\"",
        "public_key = q8Z1v0Lk2Xw9Rt5bJm7Nc4Hs6Gd3Pf8Y",
        "checksum = \"7f3a9c1e5b8d2046e9a7c3f1b5d80264a9e7c1f3\"",
        "[nss-multipasswd]: https://a.example/nss-multipasswd/",
        "words = ['push', 'pwd', 'quickcheck']",
        "echo 'PASSWORD is set' >> settings.env",
        "the password is required; a password for readers is known",
        "sk-folding-cube-with-a-spinner-and-more-words",
        "globe: 7f3a9c1e5b8d2046e9a7c3f1b5d80264a9e",
    ] {
        let found = Scanner::default().scan(text);
        assert!(found.iter().all(|f| !f.kind.is_secret()), "{text}: {found:?}");
    }
}

#[test]
fn the_sum_of_a_token_makes_it_surer() {
    let score = |text: &str| Scanner::default().scan(text).first().map(|f| f.score);
    let sure = "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";
    let torn = "ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18";
    assert!(score(sure) > score(torn) && score(torn).is_some());
    assert_eq!(Scanner::default().scan(sure)[0].kind, Kind::SecretGithubToken);
}

#[test]
fn containers_of_keys_are_told_by_their_names() {
    assert!(holds_keys("backup/server.pfx") && !holds_keys("backup/server.crt"));
}
