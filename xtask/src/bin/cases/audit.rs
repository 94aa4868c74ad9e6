//! Rows of trees, proofs, notes, checkpoints and tiles, answered by
//! evanesce-audit.

use base64ct::{Base64, Encoding};
use evanesce_audit::{
    CheckpointText, NoteKey, NoteSigner, SignedNote, SumdbTile, entries_path_of, leaf_hash, log_id,
    node_hash, parse_tile_path, parse_tlog_proof, root_of, tile_path, verify_consistency,
    verify_inclusion, verify_subtree_consistency, verify_subtree_inclusion, write_tlog_proof,
};
use evanesce_core::{Digest, Incorporated};
use serde_json::Value;

use crate::row::{agrees, base64_of, hex, hex_of, judged, text};

/// Whether the library says what the row expects; none if the row cannot be read.
type IsRight = fn(&Value) -> Option<bool>;

/// What other projects call what they ask for.
const ASKED: &[(&str, IsRight)] = &[
    ("consistency", consistency),
    ("cosigner_verifier", key),
    ("entries_path_for_index", entries),
    ("format", checkpoint_text),
    ("inclusion", inclusion),
    ("leaf_hash", leaf),
    ("log_id", log),
    ("node_hash", node),
    ("open", note),
    ("parse", checkpoint),
    ("parse_checkpoint", signed_checkpoint),
    ("parse_tile_path", tile),
    ("proof_format", tlog_proof_text),
    ("proof_parse", tlog_proof),
    ("root", root),
    ("signer", signer),
    ("subtreeconsistency", subtree_consistency),
    ("subtreeinclusion", subtree_inclusion),
    ("sumdb_tile_path", sumdb_tile),
    ("tile_path", tile_text),
    ("verifier", key),
];

/// None for what is not about a log.
pub(crate) fn answer(row: &Value) -> Option<Value> {
    let asked = text(row, "op").or_else(|| text(row, "kind"))?;
    let (_, is_right) = ASKED.iter().find(|(name, _)| *name == asked)?;
    Some(judged(is_right(row).unwrap_or(false), asked))
}

/// Whether the row expects that it holds.
fn expected(row: &Value) -> Option<bool> {
    let plain = row["ok"].as_bool().or_else(|| row["valid"].as_bool());
    plain.or_else(|| row["wantErr"].as_bool().map(|refused| !refused))
}

/// Whether what was read is what the row expects, or is refused as it expects.
fn verdict<T, E>(row: &Value, read: Result<T, E>, is_it: impl FnOnce(&T) -> bool) -> Option<bool> {
    Some(match (read, expected(row)?) {
        (Ok(read), true) => is_it(&read),
        (read, expected) => read.is_ok() == expected,
    })
}

/// Whether a proof holds as the row expects. One with a hash or a number that the
/// types cannot hold is refused by them.
fn proof(row: &Value, names: &[&str], holds: fn(&Value) -> Option<bool>) -> Option<bool> {
    if names.iter().any(|name| row.get(name).is_none()) {
        return None;
    }
    Some(holds(row).unwrap_or(false) == expected(row)?)
}

fn consistency(row: &Value) -> Option<bool> {
    proof(row, &["size1", "size2", "root1", "root2", "proof"], |row| {
        let (old, new) = (row["size1"].as_u64()?, row["size2"].as_u64()?);
        let (first, second) = (digest(&row["root1"])?, digest(&row["root2"])?);
        Some(verify_consistency(old, new, &digests(&row["proof"])?, &first, &second))
    })
}

fn inclusion(row: &Value) -> Option<bool> {
    proof(row, &["leafIdx", "treeSize", "root", "leafHash", "proof"], |row| {
        let (index, size) = (row["leafIdx"].as_u64()?, row["treeSize"].as_u64()?);
        let (leaf, root) = (digest(&row["leafHash"])?, digest(&row["root"])?);
        Some(verify_inclusion(&leaf, index, size, &digests(&row["proof"])?, &root))
    })
}

fn subtree_consistency(row: &Value) -> Option<bool> {
    proof(row, &["start", "end", "size", "root1", "root2", "proof"], |row| {
        let (start, end) = (row["start"].as_u64()?, row["end"].as_u64()?);
        let (first, second) = (digest(&row["root1"])?, digest(&row["root2"])?);
        let (size, proof) = (row["size"].as_u64()?, digests(&row["proof"])?);
        Some(verify_subtree_consistency(start..end, size, &proof, &first, &second))
    })
}

fn subtree_inclusion(row: &Value) -> Option<bool> {
    proof(row, &["leafIdx", "start", "end", "root", "leafHash", "proof"], |row| {
        let (start, end) = (row["start"].as_u64()?, row["end"].as_u64()?);
        let (leaf, root) = (digest(&row["leafHash"])?, digest(&row["root"])?);
        let (index, proof) = (row["leafIdx"].as_u64()?, digests(&row["proof"])?);
        Some(verify_subtree_inclusion(&leaf, index, start..end, &proof, &root))
    })
}

fn leaf(row: &Value) -> Option<bool> {
    Some(leaf_hash(&hex(row, "leaf")?) == digest(&row["hash"])?)
}

fn node(row: &Value) -> Option<bool> {
    Some(node_hash(&digest(&row["left"])?, &digest(&row["right"])?) == digest(&row["hash"])?)
}

fn root(row: &Value) -> Option<bool> {
    let leaves = row["leaves"].as_array()?.iter();
    let leaves: Vec<Digest> =
        leaves.map(|leaf| Some(leaf_hash(&hex_of(leaf.as_str()?)?))).collect::<Option<_>>()?;
    Some(root_of(&leaves) == digest(&row["root"])?)
}

fn key(row: &Value) -> Option<bool> {
    verdict(row, NoteKey::parse(text(row, "vkey")?), |key| {
        agrees(row, "name", key.name()) && agrees(row, "vkey", key.to_string())
    })
}

fn signer(row: &Value) -> Option<bool> {
    let read = NoteSigner::parse(text(row, "skey")?);
    verdict(row, read, |signer| agrees(row, "name", signer.public().name()))
}

fn log(row: &Value) -> Option<bool> {
    Some(row["want"] == log_id(text(row, "origin")?).to_string())
}

fn checkpoint(row: &Value) -> Option<bool> {
    let body = text(row, "body")?;
    // Go's checksum database reads its own tree and no other: golang.org/x/mod/sumdb/tlog,
    // ParseTree, refuses another first line. Elsewhere a checkpoint is of any log.
    let read = if text(row, "source").is_some_and(|source| source.contains(" sumdb/tlog/")) {
        CheckpointText::of("go.sum database tree", body)
    } else {
        CheckpointText::parse(body)
    };
    verdict(row, read, |read| {
        agrees(row, "origin", &*read.origin)
            && agrees(row, "size", read.size)
            && agrees(row, "hash_b64", Base64::encode_string(&read.root))
            && agrees(row, "rest", &*read.extensions)
    })
}

fn checkpoint_text(row: &Value) -> Option<bool> {
    let written = CheckpointText {
        origin: text(row, "origin")?.to_owned(),
        size: row["size"].as_u64()?,
        root: base64_of(text(row, "hash_b64")?)?,
        extensions: text(row, "rest").unwrap_or_default().to_owned(),
    };
    Some(row["body"] == written.to_string())
}

fn tlog_proof(row: &Value) -> Option<bool> {
    verdict(row, parse_tlog_proof(text(row, "body")?), |read| {
        let hashes = &row["hashes"];
        agrees(row, "index", read.index)
            && (hashes.is_null() || digests(hashes).as_ref() == Some(&read.proof))
            && agrees(row, "checkpoint", &*read.checkpoint)
    })
}

fn tlog_proof_text(row: &Value) -> Option<bool> {
    let written = write_tlog_proof(&Incorporated {
        index: row["index"].as_u64()?,
        proof: digests(&row["hashes"])?,
        checkpoint: text(row, "checkpoint")?.to_owned(),
        actor: None,
    });
    Some(row["want"] == written)
}

fn note(row: &Value) -> Option<bool> {
    let note = match text(row, "note_b64") {
        Some(note) => base64_of(note)?,
        None => text(row, "note")?.as_bytes().to_vec(),
    };
    let keys = keys(&row["verifiers"])?;
    // Bytes that are no text are no note.
    let note = String::from_utf8(note).unwrap_or_default();
    let signers = SignedNote::parse(&note).and_then(|note| note.verified(&keys));
    let named = |key: &NoteKey, name: &Value| *name == key.name() || *name == key.to_string();
    verdict(row, signers, |signers| {
        row["verified"].as_array().is_some_and(|names| {
            names.len() == signers.len()
                && names.iter().all(|name| signers.iter().any(|key| named(key, name)))
        })
    })
}

/// A checkpoint of a log whose key and origin have names of their own.
fn signed_checkpoint(row: &Value) -> Option<bool> {
    let (note, origin) = (text(row, "note")?, text(row, "origin")?);
    let mut keys = keys(&row["other_vkeys"])?;
    keys.push(NoteKey::parse(text(row, "log_vkey")?).ok()?);
    let log = keys.last()?;
    let signers = SignedNote::parse(note).and_then(|note| note.verified(&keys));
    let signers = signers.unwrap_or_default();
    let read = SignedNote::parse(note).and_then(|note| CheckpointText::parse(note.text()));
    let is_ours = signers.contains(&log) && read.is_ok_and(|read| read.origin == origin);
    verdict(row, is_ours.then_some(()).ok_or(()), |()| agrees(row, "verified_count", signers.len()))
}

fn entries(row: &Value) -> Option<bool> {
    let path = entries_path_of(row["seq"].as_u64()?, row["log_size"].as_u64()?);
    Some(path.is_ok_and(|path| row["want"] == path))
}

fn tile(row: &Value) -> Option<bool> {
    let read = parse_tile_path(text(row, "path_level")?, text(row, "path_index")?);
    verdict(row, read, |(level, index, partial)| {
        agrees(row, "level", *level) && agrees(row, "index", *index) && agrees(row, "p", *partial)
    })
}

fn sumdb_tile(row: &Value) -> Option<bool> {
    let path = text(row, "path")?;
    let numbers = row["tile"].as_array().filter(|numbers| numbers.len() == 4)?;
    let read = SumdbTile::parse(path);
    verdict(row, read, |tile| {
        // Go writes the level of entries as -1.
        let level = tile.level.map_or(-1, i64::from);
        let told =
            [tile.height.into(), level, tile.index.try_into().unwrap_or(-1), tile.width.into()];
        tile.to_string() == path && numbers.iter().zip(told).all(|(number, told)| *number == told)
    })
}

fn tile_text(row: &Value) -> Option<bool> {
    let small = |name: &str| u8::try_from(row[name].as_u64()?).ok();
    Some(row["want"] == tile_path(small("level")?, row["index"].as_u64()?, small("p")?))
}

fn keys(texts: &Value) -> Option<Vec<NoteKey>> {
    texts.as_array()?.iter().map(|text| NoteKey::parse(text.as_str()?).ok()).collect()
}

// In hexadecimal digits or in base64: the lengths tell.
fn digest(value: &Value) -> Option<Digest> {
    let text = value.as_str()?;
    text.parse().ok().or_else(|| Some(Digest::new(base64_of(text)?.try_into().ok()?)))
}

// Go writes an empty list as null.
fn digests(value: &Value) -> Option<Vec<Digest>> {
    if value.is_null() { Some(Vec::new()) } else { value.as_array()?.iter().map(digest).collect() }
}

#[cfg(test)]
mod tests {
    use evanesce_crypto::SigningKey;
    use serde_json::json;

    use super::*;

    fn outcome(row: &Value) -> String {
        answer(row).unwrap()["outcome"].as_str().unwrap().to_owned()
    }

    fn signer(name: &str) -> NoteSigner {
        NoteSigner::new(name, SigningKey::generate().unwrap()).unwrap()
    }

    #[test]
    fn a_proof_is_judged_by_what_the_row_expects() {
        let (one, two) = (leaf_hash(b"1"), leaf_hash(b"2"));
        let root = node_hash(&one, &two).to_string();
        let row = |index: Value, proof: Value, refused: bool| {
            outcome(&json!({
                "kind": "inclusion", "leafIdx": index, "treeSize": 2, "root": root,
                "leafHash": Base64::encode_string(one.as_bytes()), "proof": proof,
                "wantErr": refused,
            }))
        };
        let good = json!([two.to_string()]);
        assert_eq!(row(json!(0), good.clone(), false), "pass");
        assert_eq!(row(json!(0), good.clone(), true), "fail");
        assert_eq!(row(json!(1), good.clone(), true), "pass");
        assert_eq!(row(json!(-1), good.clone(), true), "pass");
        assert_eq!(row(json!(0), json!(["AAAA"]), true), "pass");
        assert_eq!(row(json!(0), json!(null), false), "fail");
        let without = json!({ "kind": "inclusion", "wantErr": true });
        assert_eq!(outcome(&without), "fail", "an unread row is no refusal");
    }

    #[test]
    fn a_tree_is_hashed() {
        let root = root_of(&[leaf_hash(b"\0"), leaf_hash(b"\x01")]).to_string();
        let row = |leaves: Value| json!({ "kind": "root", "leaves": leaves, "root": root });
        assert_eq!(outcome(&row(json!(["00", "01"]))), "pass");
        assert_eq!(outcome(&row(json!(["00", "02"]))), "fail");
        assert_eq!(outcome(&row(json!(["00", "0"]))), "fail");
    }

    #[test]
    fn a_note_names_who_signed_it() {
        let (one, two) = (signer("one"), signer("two"));
        let note = Base64::encode_string(one.sign("hello\n").unwrap().as_bytes());
        let row = |key: &NoteSigner, ok: bool, verified: &[&str]| {
            let keys = [key.public().to_string()];
            outcome(&json!({
                "op": "open", "note_b64": note, "verifiers": keys, "ok": ok, "verified": verified,
            }))
        };
        assert_eq!(row(&one, true, &["one"]), "pass");
        assert_eq!(row(&one, true, &["two"]), "fail");
        assert_eq!(row(&two, false, &[]), "pass");
        assert_eq!(row(&two, true, &["two"]), "fail");
    }

    #[test]
    fn a_parser_of_one_log_refuses_another() {
        let row = |source: &str, origin: &str, ok: bool| {
            let body = format!("{origin}\n7\nYWJj\n");
            outcome(&json!({ "op": "parse", "body": body, "ok": ok, "source": source }))
        };
        let go = "golang/mod@0 sumdb/tlog/note_test.go";
        assert_eq!(row(go, "go.sum database tree", true), "pass");
        assert_eq!(row(go, "another", false), "pass");
        assert_eq!(row(go, "another", true), "fail");
        assert_eq!(row("transparency-dev/formats@0 log", "another", true), "pass");
    }

    #[test]
    fn a_checkpoint_is_of_its_log_and_origin() {
        let log = signer("key");
        let text = "log.example\n7\nYWJj\n";
        let note = log.sign(text).unwrap();
        let row = |origin: &str, ok: bool, count: u64| {
            let key = log.public().to_string();
            outcome(&json!({
                "op": "parse_checkpoint", "note": note, "origin": origin, "log_vkey": key,
                "other_vkeys": [signer("other").public().to_string()], "ok": ok,
                "verified_count": count,
            }))
        };
        assert_eq!(row("log.example", true, 1), "pass");
        assert_eq!(row("log.example", true, 2), "fail");
        assert_eq!(row("log.other", false, 0), "pass");
        let parse = |size: u64, ok: bool| {
            outcome(&json!({ "op": "parse", "body": text, "ok": ok, "size": size }))
        };
        assert_eq!([parse(7, true), parse(8, true), parse(7, false)], ["pass", "fail", "fail"]);
    }

    #[test]
    fn tiles_are_read_and_other_rows_are_not_of_a_log() {
        let sumdb = |path: &str, tile: Value, ok: bool| {
            outcome(&json!({ "op": "sumdb_tile_path", "path": path, "tile": tile, "ok": ok }))
        };
        assert_eq!(sumdb("tile/3/data/001", json!([3, -1, 1, 8]), true), "pass");
        assert_eq!(sumdb("tile/3/data/001", json!([3, 0, 1, 8]), true), "fail");
        assert_eq!(sumdb("tile/3/data/1", json!([3, -1, 1, 8]), false), "pass");
        let tile = |level: u64| json!({ "op": "tile_path", "level": level, "index": 0, "p": 0, "want": "tile/0/000" });
        assert_eq!(
            [outcome(&tile(0)), outcome(&tile(1)), outcome(&tile(256))],
            ["pass", "fail", "fail"]
        );
        assert!(answer(&json!({ "kind": "discrete_laplace" })).is_none());
    }
}
