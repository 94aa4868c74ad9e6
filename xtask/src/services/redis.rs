//! Redis alone, and a Redis Cluster of three masters. TLS is the only way in,
//! clients show a certificate and a password, and nothing is written to disk.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use super::process::{output, spawn};
use super::site::Secrets;
use super::started::Started;
use super::{Ground, provision};
use crate::failure::Failure;

const LIMIT: Duration = Duration::from_secs(30);

/// What the library may do: read and write keys, run scripts, and ask the
/// server what it keeps. It may not read other connections, change the
/// configuration or save to disk.
const APP_COMMANDS: &str = "+@all -@dangerous -@admin +info +role +config|get +cluster|info +cluster|keyslot \
    +cluster|myid +cluster|nodes +cluster|shards +cluster|slots";

pub(crate) fn provision() -> Result<(), Failure> {
    provision::package("redis-cli", "redis-tools")?;
    provision::package("redis-server", "redis-server")
}

pub(crate) fn start(ground: &Ground, started: &mut Started) -> Result<(), Failure> {
    let port = started.ports()[0];
    let home = ground.site.empty_home("redis")?;
    let mut child = launch(ground, started, &home, port, "")?;
    started.wait(&mut child, &home.join("log"), LIMIT, || answers(ground, port))
}

pub(crate) fn start_cluster(ground: &Ground, started: &mut Started) -> Result<(), Failure> {
    let ports = started.ports().to_vec();
    let home = ground.site.empty_home("redis-cluster")?;
    for port in &ports {
        let node = home.join(port.to_string());
        fs::create_dir(&node).map_err(Failure::at(&node))?;
        ground.site.hand_over(&home)?;
        let more = "tls-cluster yes\ntls-replication yes\ncluster-enabled yes\n\
            cluster-node-timeout 2000\ncluster-announce-ip 127.0.0.1\ncluster-announce-hostname localhost\n";
        let mut child = launch(ground, started, &node, *port, more)?;
        started.wait(&mut child, &node.join("log"), LIMIT, || answers(ground, *port))?;
    }
    let nodes: Vec<_> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let mut create = client(ground, ports[0]);
    create.args(["--cluster", "create"]).args(nodes);
    output(create.args(["--cluster-replicas", "0", "--cluster-yes"]))?;
    wait_for_slots(ground, &ports)
}

pub(crate) fn is_ready(ground: &Ground, ports: &[u16]) -> bool {
    ports.iter().all(|port| answers(ground, *port))
}

pub(crate) fn is_cluster_ready(ground: &Ground, ports: &[u16]) -> bool {
    ports.iter().all(|port| {
        output(client(ground, *port).args(["cluster", "info"]))
            .is_ok_and(|text| text.contains("cluster_state:ok"))
    })
}

pub(crate) fn variables(ground: &Ground, ports: &[u16]) -> Vec<(&'static str, String)> {
    let home = ground.site.home("redis");
    let secrets = &ground.secrets;
    vec![
        ("EVANESCE_REDIS_URL", url("app", &secrets.redis_app, ports[0])),
        ("EVANESCE_REDIS_ADMIN_URL", url("admin", &secrets.redis_admin, ports[0])),
        ("EVANESCE_REDIS_DATA", home.display().to_string()),
        ("EVANESCE_REDIS_LOG", home.join("log").display().to_string()),
    ]
}

pub(crate) fn cluster_variables(ground: &Ground, ports: &[u16]) -> Vec<(&'static str, String)> {
    let all = |user: &str, password: &str| {
        ports.iter().map(|port| url(user, password, *port)).collect::<Vec<_>>().join(",")
    };
    vec![
        ("EVANESCE_REDIS_CLUSTER_URLS", all("app", &ground.secrets.redis_app)),
        ("EVANESCE_REDIS_CLUSTER_ADMIN_URLS", all("admin", &ground.secrets.redis_admin)),
    ]
}

/// The accounts: one for the library, one for whoever looks after the server.
pub(crate) fn users(secrets: &Secrets) -> String {
    let (app, admin) = (&secrets.redis_app, &secrets.redis_admin);
    format!(
        "user default off\nuser app on >{app} ~* &* {APP_COMMANDS}\nuser admin on >{admin} ~* &* +@all\n"
    )
}

fn url(user: &str, password: &str, port: u16) -> String {
    format!("rediss://{user}:{password}@localhost:{port}")
}

fn launch(
    ground: &Ground,
    started: &mut Started,
    home: &Path,
    port: u16,
    more: &str,
) -> Result<Child, Failure> {
    let (ca, pair) = ground.certs.copy_to(&home.join("tls"))?;
    let file = home.join("users.acl");
    super::site::write_private(&file, &users(&ground.secrets))?;
    let config = home.join("redis.conf");
    let text = format!(
        "bind 127.0.0.1 -::1\nport 0\ntls-port {port}\ntls-cert-file \"{}\"\ntls-key-file \"{}\"\n\
         tls-ca-cert-file \"{}\"\ntls-auth-clients yes\ntls-protocols \"TLSv1.2 TLSv1.3\"\n\
         aclfile \"{}\"\ndir \"{}\"\nsave \"\"\nappendonly no\nnotify-keyspace-events KEA\n\
         enable-debug-command local\nalways-show-logo no\n{more}",
        pair.certificate.display(),
        pair.key.display(),
        ca.display(),
        file.display(),
        home.display(),
    );
    fs::write(&config, text).map_err(Failure::at(&config))?;
    ground.site.hand_over(home)?;
    let mut command = ground.site.command("redis-server", home);
    command.arg(&config);
    let child = spawn(&mut command, &home.join("log"))?;
    started.add(child.id(), "TERM")?;
    Ok(child)
}

fn answers(ground: &Ground, port: u16) -> bool {
    output(client(ground, port).arg("ping")).is_ok_and(|text| text.trim() == "PONG")
}

fn wait_for_slots(ground: &Ground, ports: &[u16]) -> Result<(), Failure> {
    for _ in 0..300 {
        if is_cluster_ready(ground, ports) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(Failure::new("the nodes did not agree on their slots within 30 s"))
}

// The password goes by the environment: arguments are open to every user.
fn client(ground: &Ground, port: u16) -> Command {
    let client = ground.certs.client();
    let mut command = Command::new("redis-cli");
    command.env("REDISCLI_AUTH", &ground.secrets.redis_admin);
    command.args(["--no-auth-warning", "--user", "admin", "--tls", "-p"]).arg(port.to_string());
    command.arg("--cacert").arg(ground.certs.authority_certificate());
    command.arg("--cert").arg(client.certificate).arg("--key").arg(client.key);
    command
}
