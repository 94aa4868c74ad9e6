//! InfluxDB 2: TLS, one organisation, one bucket that keeps 90 days, one token.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::http::{self, Request};
use super::process::spawn;
use super::started::Started;
use super::{Ground, provision, site};
use crate::failure::Failure;

// 90 days less the day of a shard group and an hour: a point then lives 90 days at most.
const KEEP_SECONDS: u32 = 89 * 24 * 3600 - 3600;

pub(crate) fn start(ground: &Ground, started: &mut Started) -> Result<(), Failure> {
    let port = started.ports()[0];
    let built = provision::influxdb(&ground.site, &ground.root)?;
    let home = ground.site.empty_home("influxdb")?;
    let program = home.join("influxd");
    let (_, pair) = ground.certs.copy_to(&home.join("tls"))?;
    ground.site.hand_over(&home)?;
    // The cache may lie where the servers' user cannot look; a link costs no space,
    // and is made last so that the program stays out of that user's hands.
    if fs::hard_link(&built, &program).is_err() {
        fs::copy(&built, &program).map_err(Failure::at(&built))?;
    }
    let log = home.join("log");
    let mut command = ground.site.command(&program, &home);
    command
        .args(["--reporting-disabled", "--ui-disabled", "--tls-min-version", "1.2"])
        .args(["--http-bind-address", &format!("127.0.0.1:{port}")])
        .arg("--bolt-path")
        .arg(home.join("influxd.bolt"))
        .arg("--sqlite-path")
        .arg(home.join("influxd.sqlite"))
        .arg("--engine-path")
        .arg(home.join("engine"))
        .arg("--tls-cert")
        .arg(&pair.certificate)
        .arg("--tls-key")
        .arg(&pair.key);
    let mut child = spawn(&mut command, &log)?;
    started.add(child.id(), "TERM")?;
    let ports = [port];
    started.wait(&mut child, &log, Duration::from_secs(60), || is_ready(ground, &ports))?;
    set_up(ground, port)
}

pub(crate) fn is_ready(ground: &Ground, ports: &[u16]) -> bool {
    let url = format!("https://localhost:{}/health", ports[0]);
    http::send(ground, &Request { url: &url, user: None, body: None })
        .is_ok_and(|text| text.contains(r#""status":"pass""#))
}

pub(crate) fn variables(ground: &Ground, ports: &[u16]) -> Vec<(&'static str, String)> {
    let home = ground.site.home("influxdb");
    vec![
        (
            "EVANESCE_INFLUXDB_URL",
            format!("https://localhost:{}?org=evanesce&bucket=metrics", ports[0]),
        ),
        ("EVANESCE_INFLUXDB_TOKEN_FILE", token_file(ground).display().to_string()),
        ("EVANESCE_INFLUXDB_DATA", home.join("engine").display().to_string()),
        ("EVANESCE_INFLUXDB_LOG", home.join("log").display().to_string()),
    ]
}

fn set_up(ground: &Ground, port: u16) -> Result<(), Failure> {
    let secrets = &ground.secrets;
    let body = serde_json::json!({
        "username": "admin",
        "password": secrets.influxdb_password,
        "org": "evanesce",
        "bucket": "metrics",
        "token": secrets.influxdb_token,
        "retentionPeriodSeconds": KEEP_SECONDS,
    });
    let url = format!("https://localhost:{port}/api/v2/setup");
    http::send(ground, &Request { url: &url, user: None, body: Some(&body.to_string()) })?;
    site::write_private(&token_file(ground), &secrets.influxdb_token)
}

fn token_file(ground: &Ground) -> PathBuf {
    ground.site.run().join("influxdb.token")
}
