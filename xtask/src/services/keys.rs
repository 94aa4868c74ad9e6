//! What the containers of `docs/operations/compose.yaml` are started with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::redis::users;
use super::{Ground, site};
use crate::failure::Failure;

/// Writes certificates, Redis users and passwords into a folder that only its
/// owner can enter. The files themselves can be read by all: each is mounted
/// into a container, whose user has another number than the owner.
pub(crate) fn write(ground: &Ground, folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(Failure::at(folder))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(Failure::at(folder))?;
    let folder = folder.canonicalize().map_err(Failure::at(folder))?;
    ground.certs.make()?;
    ground.certs.copy_to(&folder)?;
    let client = ground.certs.client();
    for (from, name) in [(&client.certificate, "client.crt"), (&client.key, "client.key")] {
        fs::copy(from, folder.join(name)).map_err(Failure::at(from))?;
    }
    site::write_private(&folder.join("redis.acl"), &users(&ground.secrets))?;
    for name in ["redis.acl", "server.key"] {
        let path = folder.join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))
            .map_err(Failure::at(&path))?;
    }
    let secrets = &ground.secrets;
    let text = format!(
        "EVANESCE_KEYS={}\nPOSTGRES_PASSWORD={}\nELASTICSEARCH_PASSWORD={}\nINFLUXDB_PASSWORD={}\n\
         INFLUXDB_TOKEN={}\n",
        folder.display(),
        secrets.postgres_app,
        secrets.elasticsearch,
        secrets.influxdb_password,
        secrets.influxdb_token,
    );
    site::write_private(&folder.join("env"), &text)
}
