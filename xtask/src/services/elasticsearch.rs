//! Elasticsearch from Elastic's own test distribution. It has no `GET /`, no
//! delete-by-query, no data streams, no lifecycle management and no scripts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::http::{self, Request};
use super::process::{output, spawn};
use super::started::Started;
use super::{Ground, provision};
use crate::failure::Failure;

const LIMIT: Duration = Duration::from_secs(180);

pub(crate) fn start(ground: &Ground, started: &mut Started) -> Result<(), Failure> {
    let ports = started.ports().to_vec();
    let archive = provision::elasticsearch(&ground.site)?;
    let base = ground.site.empty_home("elasticsearch")?;
    output(Command::new("unzip").arg("-q").arg(&archive).arg("-d").arg(&base))?;
    let home = unpacked(&base)?;
    configure(ground, &home, ports[0])?;
    ground.site.hand_over(&base)?;

    let mut create = command(ground, &home, "elasticsearch-keystore")?;
    output(create.arg("create"))?;
    let mut set = command(ground, &home, "elasticsearch-keystore")?;
    http::feed(set.args(["add", "-x", "-f", "bootstrap.password"]), &ground.secrets.elasticsearch)?;

    let (log, file) = (base.join("log"), base.join("pid"));
    let mut launch = command(ground, &home, "elasticsearch")?;
    launch.arg("-d").arg("-p").arg(&file);
    let mut launcher = spawn(&mut launch, &log)?;
    started.add(launcher.id(), "TERM")?;
    let mut server = None;
    let waited = started.wait(&mut launcher, &log, LIMIT, || {
        server = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        server.is_some()
    });
    // The launcher ends once the server runs: the file counts, not its end.
    let server = server.or_else(|| fs::read_to_string(&file).ok()?.trim().parse().ok());
    let Some(pid) = server else { return waited };
    started.add(pid, "TERM")?;
    let waited = started.wait(&mut launcher, &log, LIMIT, || is_ready(ground, &ports));
    if waited.is_err() && launcher.try_wait().is_ok_and(|end| end.is_some_and(|end| end.success()))
    {
        wait_without_launcher(ground, &ports, &home)?;
    } else {
        waited?;
        // It is a child of this program: unless it is waited for, it stays as a zombie.
        let _ = launcher.wait();
    }
    started.drop_ended()
}

pub(crate) fn is_ready(ground: &Ground, ports: &[u16]) -> bool {
    let url =
        format!("https://localhost:{}/_cluster/health?wait_for_status=yellow&timeout=2s", ports[0]);
    let password = ground.secrets.elasticsearch.as_str();
    http::send(ground, &Request { url: &url, user: Some(("elastic", password)), body: None })
        .is_ok_and(|text| text.contains(r#""timed_out":false"#))
}

pub(crate) fn variables(ground: &Ground, ports: &[u16]) -> Vec<(&'static str, String)> {
    let (password, port) = (&ground.secrets.elasticsearch, ports[0]);
    let base = ground.site.home("elasticsearch");
    let mut all = vec![(
        "EVANESCE_ELASTICSEARCH_URL",
        format!("https://elastic:{password}@localhost:{port}"),
    )];
    if let Ok(home) = unpacked(&base) {
        all.push(("EVANESCE_ELASTICSEARCH_DATA", home.join("data").display().to_string()));
        all.push(("EVANESCE_ELASTICSEARCH_LOG", home.join("logs").display().to_string()));
    }
    all
}

fn configure(ground: &Ground, home: &Path, port: u16) -> Result<(), Failure> {
    ground.certs.copy_to(&home.join("config/certs"))?;
    let settings = format!(
        "cluster.name: evanesce\nnode.name: one\ndiscovery.type: single-node\nnetwork.host: 127.0.0.1\n\
         http.port: {port}\ntransport.port: {}\nxpack.security.enabled: true\n\
         xpack.security.autoconfiguration.enabled: false\nxpack.security.http.ssl.enabled: true\n\
         xpack.security.http.ssl.key: certs/server.key\n\
         xpack.security.http.ssl.certificate: certs/server.crt\n\
         xpack.security.http.ssl.certificate_authorities: [ certs/ca.crt ]\n\
         cluster.routing.allocation.disk.threshold_enabled: false\n",
        port + 100,
    );
    let file = home.join("config/elasticsearch.yml");
    fs::write(&file, settings).map_err(Failure::at(&file))
}

// The launcher may be done before the node answers.
fn wait_without_launcher(ground: &Ground, ports: &[u16], home: &Path) -> Result<(), Failure> {
    for _ in 0..LIMIT.as_secs() * 5 {
        if is_ready(ground, ports) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let log = home.join("logs/evanesce.log");
    Err(Failure::new(format!("no answer\n{}", super::process::tail(&log))))
}

fn command(ground: &Ground, home: &Path, program: &str) -> Result<Command, Failure> {
    let mut command = ground.site.command(home.join("bin").join(program), home);
    command.env("ES_JAVA_HOME", java_home()?).env("ES_JAVA_OPTS", "-Xms512m -Xmx512m");
    Ok(command)
}

fn java_home() -> Result<PathBuf, Failure> {
    if let Some(set) = std::env::var_os("ES_JAVA_HOME").or_else(|| std::env::var_os("JAVA_HOME")) {
        return Ok(PathBuf::from(set));
    }
    provision::on_path("java")
        .and_then(|link| fs::canonicalize(link).ok())
        .and_then(|java| java.ancestors().nth(2).map(Path::to_owned))
        .ok_or_else(|| Failure::new("no java on PATH: install a JDK from 17 on"))
}

fn unpacked(base: &Path) -> Result<PathBuf, Failure> {
    fs::read_dir(base)
        .map_err(Failure::at(base))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.join("bin/elasticsearch").is_file())
        .ok_or_else(|| Failure::new("the archive holds no Elasticsearch: remove it and start anew"))
}
