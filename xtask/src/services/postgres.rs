//! PostgreSQL: TLS and scram-sha-256 only, and not a superuser for the library.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::process::{output, spawn};
use super::started::Started;
use super::{Ground, http, provision, site};
use crate::failure::Failure;

pub(crate) fn start(ground: &Ground, started: &mut Started) -> Result<(), Failure> {
    let port = started.ports()[0];
    let programs = provision::postgres()?;
    let home = ground.site.empty_home("postgres")?;
    let data = home.join("data");
    let (ca, pair) = ground.certs.copy_to(&home.join("tls"))?;
    let password = home.join("password");
    site::write_private(&password, &ground.secrets.postgres_admin)?;
    ground.site.hand_over(&home)?;
    let mut init = ground.site.command(programs.join("initdb"), &home);
    init.arg("-D").arg(&data).arg(format!("--pwfile={}", password.display()));
    init.args(["-U", "admin", "--auth=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]);
    output(&mut init)?;
    fs::remove_file(&password).map_err(Failure::at(&password))?;

    // Crash safety is given up for speed; the log of writes is kept as on a real server.
    let settings = format!(
        "listen_addresses = 'localhost'\nport = {port}\nunix_socket_directories = ''\nssl = on\n\
         ssl_cert_file = '{}'\nssl_key_file = '{}'\nssl_ca_file = '{}'\n\
         ssl_min_protocol_version = 'TLSv1.2'\npassword_encryption = 'scram-sha-256'\n\
         wal_level = replica\nfsync = off\nshared_buffers = 64MB\ntimezone = 'UTC'\nlog_timezone = 'UTC'\n",
        pair.certificate.display(),
        pair.key.display(),
        ca.display(),
    );
    append(&data.join("postgresql.conf"), &settings)?;
    let hosts = "hostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n\
        hostnossl all all all reject\n";
    let file = data.join("pg_hba.conf");
    fs::write(&file, hosts).map_err(Failure::at(&file))?;

    let log = home.join("log");
    let mut command = ground.site.command(programs.join("postgres"), &home);
    command.arg("-D").arg(&data);
    let mut child = spawn(&mut command, &log)?;
    // INT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
    started.add(child.id(), "INT")?;
    let limit = Duration::from_secs(60);
    started.wait(&mut child, &log, limit, || {
        ask(ground, &programs, &ADMIN, port, "select 1").is_ok()
    })?;
    let app = &ground.secrets.postgres_app;
    let role = format!("create role evanesce login password '{app}'");
    ask(ground, &programs, &ADMIN, port, &role)?;
    ask(ground, &programs, &ADMIN, port, "create database evanesce owner evanesce")?;
    ask(ground, &programs, &APP, port, "select 1").map(|_| ())
}

pub(crate) fn is_ready(ground: &Ground, ports: &[u16]) -> bool {
    provision::postgres()
        .is_ok_and(|programs| ask(ground, &programs, &APP, ports[0], "select 1").is_ok())
}

pub(crate) fn variables(ground: &Ground, ports: &[u16]) -> Vec<(&'static str, String)> {
    let home = ground.site.home("postgres");
    let url = |account: &Account| {
        let (user, password, port) = (account.user, (account.password)(ground), ports[0]);
        format!("postgres://{user}:{password}@localhost:{port}/evanesce")
    };
    vec![
        ("EVANESCE_POSTGRES_URL", url(&APP)),
        ("EVANESCE_POSTGRES_ADMIN_URL", url(&ADMIN)),
        ("EVANESCE_POSTGRES_DATA", home.join("data").display().to_string()),
        ("EVANESCE_POSTGRES_LOG", home.join("log").display().to_string()),
    ]
}

struct Account {
    user: &'static str,
    database: &'static str,
    password: fn(&Ground) -> &str,
}

const ADMIN: Account = Account {
    user: "admin",
    database: "postgres",
    password: |ground| &ground.secrets.postgres_admin,
};
const APP: Account = Account {
    user: "evanesce",
    database: "evanesce",
    password: |ground| &ground.secrets.postgres_app,
};

fn ask(
    ground: &Ground,
    programs: &Path,
    account: &Account,
    port: u16,
    statement: &str,
) -> Result<String, Failure> {
    let mut command = Command::new(programs.join("psql"));
    command
        .args(["-X", "-q", "-A", "-t", "-h", "localhost", "-v", "ON_ERROR_STOP=1", "-f", "-"])
        .args(["-p", &port.to_string(), "-U", account.user, "-d", account.database])
        .env("PGPASSWORD", (account.password)(ground))
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", ground.certs.authority_certificate())
        .env("PGCONNECT_TIMEOUT", "5");
    // Statements with a password go by standard input: arguments are open to every user.
    http::feed(&mut command, statement)
}

fn append(path: &Path, text: &str) -> Result<(), Failure> {
    let mut file = fs::OpenOptions::new().append(true).open(path).map_err(Failure::at(path))?;
    file.write_all(text.as_bytes()).map_err(Failure::at(path))
}
