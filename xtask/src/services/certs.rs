//! A certificate authority of this machine's own, for its own servers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::output;
use super::provision;
use super::site::Site;
use crate::failure::Failure;

/// Certificates in PEM: the authority's, one for every server and one for
/// every client. The authority's key is thrown away once both are signed.
pub(crate) struct Certs {
    folder: PathBuf,
}

impl Certs {
    pub(crate) fn at(site: &Site) -> Self {
        Self { folder: site.run().join("tls") }
    }

    /// Makes them, unless they are there and good for one more day.
    pub(crate) fn make(&self) -> Result<(), Failure> {
        provision::package("openssl", "openssl")?;
        if [self.server(), self.client()].iter().all(|pair| is_good(&pair.certificate)) {
            return Ok(());
        }
        let folder = &self.folder;
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(Failure::at(folder))?;
        }
        fs::create_dir_all(folder).map_err(Failure::at(folder))?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .map_err(Failure::at(folder))?;
        self.authority()?;
        self.sign(
            "server",
            "extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n",
        )?;
        self.sign("client", "extendedKeyUsage=clientAuth\n")?;
        let key = folder.join("ca.key");
        fs::remove_file(&key).map_err(Failure::at(&key))
    }

    pub(crate) fn authority_certificate(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    pub(crate) fn client(&self) -> Pair {
        self.pair("client")
    }

    /// Copies the authority's certificate and the server's pair into a server's folder.
    pub(crate) fn copy_to(&self, folder: &Path) -> Result<(PathBuf, Pair), Failure> {
        fs::create_dir_all(folder).map_err(Failure::at(folder))?;
        let (from, to) = (self.server(), folder);
        let ca = copy(&self.authority_certificate(), &to.join("ca.crt"))?;
        let certificate = copy(&from.certificate, &to.join("server.crt"))?;
        let key = copy(&from.key, &to.join("server.key"))?;
        Ok((ca, Pair { certificate, key }))
    }

    fn server(&self) -> Pair {
        self.pair("server")
    }

    fn pair(&self, name: &str) -> Pair {
        Pair {
            certificate: self.folder.join(format!("{name}.crt")),
            key: self.folder.join(format!("{name}.key")),
        }
    }

    fn authority(&self) -> Result<(), Failure> {
        let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 \
            -keyout ca.key -out ca.crt -subj /CN=evanesce-test-authority \
            -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign";
        self.openssl(arguments)?;
        keep_private(&self.folder.join("ca.key"))
    }

    fn sign(&self, name: &str, extensions: &str) -> Result<(), Failure> {
        let request = format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
             -keyout {name}.key -out {name}.csr -subj /CN={name}"
        );
        self.openssl(&request)?;
        keep_private(&self.folder.join(format!("{name}.key")))?;
        let file = self.folder.join(format!("{name}.ext"));
        let common = "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n";
        fs::write(&file, format!("{common}{extensions}")).map_err(Failure::at(&file))?;
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 \
             -out {name}.crt -extfile {name}.ext"
        ))?;
        for rest in [format!("{name}.csr"), format!("{name}.ext")] {
            let path = self.folder.join(rest);
            fs::remove_file(&path).map_err(Failure::at(&path))?;
        }
        Ok(())
    }

    fn openssl(&self, arguments: &str) -> Result<(), Failure> {
        let mut command = Command::new("openssl");
        command.args(arguments.split_whitespace()).current_dir(&self.folder);
        output(&mut command).map(|_| ())
    }
}

/// A certificate with its key.
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

fn is_good(certificate: &Path) -> bool {
    let mut command = Command::new("openssl");
    command.args(["x509", "-noout", "-checkend", "86400", "-in"]).arg(certificate);
    output(&mut command).is_ok()
}

fn copy(from: &Path, to: &Path) -> Result<PathBuf, Failure> {
    fs::copy(from, to).map_err(Failure::at(from))?;
    Ok(to.to_owned())
}

fn keep_private(key: &Path) -> Result<(), Failure> {
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).map_err(Failure::at(key))
}
