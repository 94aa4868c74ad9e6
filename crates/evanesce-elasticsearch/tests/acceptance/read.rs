//! Reads what the server stores, past the sink that wrote it.

use elasticsearch::http::Method;
use evanesce_core::Namespace;
use serde_json::{Value, json};

use crate::server::{send, transport};

/// Hands over every record of the namespace as the server has it.
pub(crate) async fn each_record(namespace: &Namespace, mut see: impl FnMut(&Value)) {
    let transport = transport();
    let alias = format!("{namespace}-logs");
    let (status, _) = send(&transport, Method::Post, &format!("{alias}/_refresh"), None).await;
    assert_eq!(status, 200);
    let open = format!("{alias}/_pit?keep_alive=5m");
    let (_, point) = send(&transport, Method::Post, &open, None).await;
    let mut body = json!({
        "size": 5000, "track_total_hits": false, "sort": ["_shard_doc"],
        "pit": { "id": point["id"], "keep_alive": "5m" },
    });
    loop {
        let (status, page) = send(&transport, Method::Post, "_search", Some(body.clone())).await;
        assert_eq!((status, &page["_shards"]["failed"]), (200, &json!(0)));
        let hits = page["hits"]["hits"].as_array().unwrap();
        let Some(last) = hits.last() else { break };
        hits.iter().for_each(|hit| see(&hit["_source"]));
        body["search_after"] = last["sort"].clone();
    }
    let closed = send(&transport, Method::Delete, "_pit", Some(json!({ "id": point["id"] }))).await;
    assert_eq!(closed.0, 200);
}
