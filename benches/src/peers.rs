//! What is measured against, as its own documents use it.

use std::fmt::Debug;

use fred::prelude::{Client, ClientLike, Config};
use redis::aio::MultiplexedConnection;
use tower_sessions_redis_store::RedisStore;

/// The `redis` crate's multiplexed connection.
///
/// # Panics
/// When it does not connect.
pub async fn redis(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).expect("an address");
    client.get_multiplexed_async_connection().await.expect("a connection")
}

/// The Redis store of tower-sessions over one multiplexed connection of its driver.
///
/// # Panics
/// When it does not connect.
pub async fn tower_sessions_redis(url: &str) -> RedisStore<Client> {
    let config = Config::from_url(url).expect("an address");
    let client = Client::new(config, None, None, None);
    client.init().await.expect("a connection");
    RedisStore::new(client)
}

/// Sets, gets and deletes one value, as plaintext and without an expiry.
///
/// # Panics
/// When the server fails.
pub async fn set_get_del(connection: &mut MultiplexedConnection, key: &str, value: &str) -> usize {
    let () = redis::cmd("SET").arg(key).arg(value).query_async(connection).await.expect("SET");
    let read: String = redis::cmd("GET").arg(key).query_async(connection).await.expect("GET");
    let gone: u64 = redis::cmd("DEL").arg(key).query_async(connection).await.expect("DEL");
    assert_eq!(gone, 1);
    read.len()
}

// The store for Redis has stayed with an older core, whose types are others of the same form.
macro_rules! store {
    ($module:ident, $sessions:ident) => {
        /// The same three steps on any store of this version.
        pub mod $module {
            use $sessions::SessionStore;
            use $sessions::cookie::time::{Duration, OffsetDateTime};
            use $sessions::session::{Id, Record};

            use super::Debug;

            /// Creates a session of four hours.
            ///
            /// # Panics
            /// When the store fails.
            pub async fn open(store: &(impl SessionStore + Debug), value: &str) -> Id {
                let expiry_date = OffsetDateTime::now_utc() + Duration::hours(4);
                let data = [("visit".to_owned(), value.into())].into();
                let mut record = Record { id: Id::default(), data, expiry_date };
                store.create(&mut record).await.expect("a session");
                record.id
            }

            /// Loads it and looks at its text.
            ///
            /// # Panics
            /// When the store fails or has none.
            pub async fn read(store: &(impl SessionStore + Debug), id: &Id) -> usize {
                let record = store.load(id).await.expect("the store").expect("its data");
                record.data["visit"].as_str().map_or(0, str::len)
            }

            /// Deletes it.
            ///
            /// # Panics
            /// When the store fails.
            pub async fn destroy(store: &(impl SessionStore + Debug), id: &Id) {
                store.delete(id).await.expect("its end");
            }
        }
    };
}

store!(current, tower_sessions);
store!(redis_store, tower_sessions_0_14);
