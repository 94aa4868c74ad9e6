/// Whether a file of this name is a container of private keys: its contents are
/// encrypted or binary, so that no scan of them would tell. An upload or an export that
/// has one is to be held back by its name.
///
/// ```
/// use evanesce_detect::holds_keys;
/// assert!(holds_keys("certificates/client.P12"));
/// assert!(!holds_keys("certificates/client.crt"));
/// ```
#[must_use]
pub fn holds_keys(path: &str) -> bool {
    const ENDINGS: &[&str] =
        &["bks", "jceks", "jks", "kdb", "kdbx", "keystore", "p12", "pfx", "pkcs12", "ppk"];
    const NAMES: &[&str] = &["id_dsa", "id_ecdsa", "id_ed25519", "id_rsa"];
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let ending = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, end)| end);
    let is_one = |ending: &str| ENDINGS.iter().any(|it| ending.eq_ignore_ascii_case(it));
    ending.is_some_and(is_one) || NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_of_keys_are_known_by_their_names() {
        for path in ["a/b.pfx", "c:\\keys\\store.JKS", ".ssh/id_ed25519", "x.y.keystore"] {
            assert!(holds_keys(path), "{path}");
        }
        for path in ["", ".p12", "p12", "a.p12/readme", "id_rsa.pub", "a.pem"] {
            assert!(!holds_keys(path), "{path}");
        }
    }
}
