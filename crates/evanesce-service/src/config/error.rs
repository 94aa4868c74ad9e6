use evanesce_core::Error;
use evanesce_crypto::CryptoError;
use evanesce_tls::TlsError;

/// What is wrong with a configuration. Each names the key to change, such as
/// `redis.url_file`, and none of them what stands there.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Two keys exclude each other.
    #[error("{key}: give this or {other}, not both")]
    Conflict {
        /// The one.
        key: String,
        /// The other.
        other: String,
    },
    /// A file that holds a secret can be read by others than its owner.
    #[error(
        "{key}: the file can be read by others; set its mode to 0600, or 0640 if it belongs to root"
    )]
    Exposed {
        /// The key.
        key: String,
    },
    /// What stands there cannot be used.
    #[error("{key}: {wanted} is wanted here")]
    Invalid {
        /// The key.
        key: String,
        /// What is wanted.
        wanted: &'static str,
    },
    /// Keys could not be read from where the configuration says.
    #[error("{key}: the keys cannot be used")]
    Keys {
        /// The key.
        key: String,
        /// Why.
        #[source]
        cause: CryptoError,
    },
    /// A key that is needed is not there.
    #[error("{key}: missing")]
    Missing {
        /// The key.
        key: String,
    },
    /// This program was built without the driver of a store that is named.
    #[error("{key}: this program was built without it; enable the feature of the same name")]
    NotBuilt {
        /// The section.
        key: String,
    },
    /// A secret stands in the configuration itself.
    #[error(
        "{key}: the address carries a secret; put it into a file and name that with url_file, or into the environment with url_env"
    )]
    Secret {
        /// The key.
        key: String,
    },
    /// A file or a variable that a key names cannot be read.
    #[error("{key}: what it names cannot be read")]
    Source {
        /// The key.
        key: String,
    },
    /// A store did not open.
    #[error("{key}: the store cannot be used")]
    Store {
        /// The section.
        key: String,
        /// Why.
        #[source]
        cause: Error,
    },
    /// The text is not TOML.
    #[error("line {line}: this is not TOML 1.0")]
    Syntax {
        /// The line, from 1.
        line: usize,
    },
    /// The files of the section `tls` cannot be used.
    #[error("tls: the files cannot be used")]
    Tls(#[from] TlsError),
    /// The configuration's own file cannot be read, or is larger than 64 KiB.
    #[error("the configuration file cannot be read, or is larger than 64 KiB")]
    Unreadable,
    /// No key of this name is known.
    #[error("{key}: no such key is known")]
    Unknown {
        /// The key.
        key: String,
    },
}
