/// Why no TLS configuration could be made. Each sentence names the setting to
/// look at, and never the path or the content of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// No certificate in the CA file, or one that does not parse.
    #[error("the CA file holds no usable certificate in PEM; check EVANESCE_TLS_CA or ca_file")]
    CaInvalid,
    /// The CA file cannot be opened, or is larger than 1 MiB.
    #[error("the CA file cannot be read; check EVANESCE_TLS_CA or ca_file")]
    CaUnreadable,
    /// No certificate in the client certificate file, or one that does not parse.
    #[error(
        "the client certificate file holds no usable certificate in PEM; check EVANESCE_TLS_CERT or identity_files"
    )]
    CertInvalid,
    /// The client certificate file cannot be opened, or is larger than 1 MiB.
    #[error(
        "the client certificate file cannot be read; check EVANESCE_TLS_CERT or identity_files"
    )]
    CertUnreadable,
    /// Only one half of the client's identity was named.
    #[error(
        "a client identity needs both its certificate and its key; set both EVANESCE_TLS_CERT and EVANESCE_TLS_KEY or neither"
    )]
    IdentityIncomplete,
    /// The client key does not belong to the client certificate.
    #[error(
        "the client key does not belong to the client certificate; check EVANESCE_TLS_CERT and EVANESCE_TLS_KEY or identity_files"
    )]
    IdentityMismatch,
    /// Others than the owner can read the client key file.
    #[error(
        "the client key file can be read by others; set its mode to 0600, or 0640 if it belongs to root (EVANESCE_TLS_KEY or identity_files)"
    )]
    KeyExposed,
    /// No private key in the client key file, or one of an unknown kind.
    #[error(
        "the client key file holds no usable key in PEM; check EVANESCE_TLS_KEY or identity_files"
    )]
    KeyInvalid,
    /// The client key file cannot be opened, or is larger than 1 MiB.
    #[error("the client key file cannot be read; check EVANESCE_TLS_KEY or identity_files")]
    KeyUnreadable,
    /// The operating system has no root certificates that could be read.
    #[error(
        "the system has no root certificates that can be read; name a CA file in EVANESCE_TLS_CA or ca_file"
    )]
    NoRoots,
    /// The cryptographic provider offers neither TLS 1.2 nor TLS 1.3.
    #[error("the cryptographic provider offers neither TLS 1.2 nor TLS 1.3")]
    Unsupported,
}
