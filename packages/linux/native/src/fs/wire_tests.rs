//! The vectors that `src/fs-wire.ts` is tested with too.

use serde_json::{Map, Value, json};

use super::*;

const OPS: &str = include_str!("../../../test/fs-wire.json");
const ENTRIES: &str = include_str!("../../../test/fs-entries.json");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap_or(0)).collect()
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn from_latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(0)).collect()
}

fn nanoseconds(times: &Timestamps) -> String {
    let t = times.last_modification;
    assert_eq!(times.last_access, t);
    (i128::from(t.tv_sec) * 1_000_000_000 + i128::from(t.tv_nsec)).to_string()
}

fn options(existing: Existing, parents: Links, more: &[(&str, bool)]) -> Value {
    let mut out = Map::new();
    match existing {
        Existing::Fail => drop(out.insert("existing".into(), json!("fail"))),
        Existing::Replace => {}
        Existing::SameKind => drop(out.insert("existing".into(), json!("same-kind"))),
    }
    for (name, on) in [("followParents", parents == Links::Follow)].iter().chain(more) {
        if *on {
            out.insert((*name).into(), json!(true));
        }
    }
    Value::Object(out)
}

fn meta(m: &Make<'_>) -> Value {
    let mut out = json!({ "mode": m.mode, "uid": m.uid, "gid": m.gid });
    if let Some(times) = &m.times {
        out["mtimeNs"] = json!(nanoseconds(times));
    }
    if !m.xattrs.is_empty() {
        out["xattrs"] = m.xattrs.iter().map(|(n, v)| (latin1(n), json!(hex(v)))).collect::<Map<_, _>>().into();
    }
    out
}

fn make(name: &str, m: &Make<'_>, more: &[(&str, bool)]) -> Value {
    let flags = [&[("keep", m.keep), ("clearXattrs", m.clear_xattrs)], more].concat();
    json!({ "op": name, "path": latin1(m.path.bytes()), "meta": meta(m), "options": options(m.existing, m.parents, &flags) })
}

/// As `OpVector` in `test/fs-vectors.ts`.
fn describe(op: &Op<'_>) -> Value {
    let text = |path: &RelPath<'_>| latin1(path.bytes());
    match op {
        Op::Mkdir(m) => make("mkdir", m, &[]),
        Op::File { make: m, data, style } => {
            let mut out = make("file", m, &[("more", style.more), ("atomic", style.atomic), ("sync", style.sync)]);
            out["data"] = json!(hex(data));
            out
        }
        Op::Data(data) => json!({ "op": "data", "data": hex(data) }),
        Op::Hole(bytes) => json!({ "op": "hole", "bytes": bytes }),
        Op::End => json!({ "op": "end" }),
        Op::Hardlink { path, target, existing, parents } => {
            json!({ "op": "hardlink", "path": text(path), "target": text(target), "options": options(*existing, *parents, &[]) })
        }
        Op::Symlink { make: m, target } => {
            let mut out = make("symlink", m, &[]);
            out["target"] = json!(latin1(target));
            out
        }
        Op::Mknod { make: m, node } => {
            let mut out = make("mknod", m, &[]);
            out["node"] = match node {
                Node::Char { major, minor } => json!({ "type": "char", "major": major, "minor": minor }),
                Node::Block { major, minor } => json!({ "type": "block", "major": major, "minor": minor }),
                Node::Fifo => json!({ "type": "fifo" }),
            };
            out
        }
        Op::Setxattr { path, name, value, parents } => json!({
            "op": "setxattr", "path": text(path), "name": latin1(name), "value": hex(value),
            "options": options(Existing::Replace, *parents, &[]),
        }),
        Op::Chown { path, uid, gid } => json!({ "op": "chown", "path": text(path), "uid": uid, "gid": gid }),
        Op::Chmod { path, mode } => json!({ "op": "chmod", "path": text(path), "mode": mode }),
        Op::Utimes { path, times, parents } => json!({
            "op": "utimes", "path": text(path), "mtimeNs": nanoseconds(times),
            "options": options(Existing::Replace, *parents, &[]),
        }),
        Op::Remove { path } => json!({ "op": "remove", "path": text(path) }),
        Op::Keep(names) => json!({ "op": "keep", "names": names.iter().map(|n| latin1(n)).collect::<Vec<_>>() }),
        Op::Clear { path } => json!({ "op": "clear", "path": text(path) }),
        Op::Rename { from, to } => json!({ "op": "rename", "from": text(from), "to": text(to) }),
    }
}

fn vectors(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_default()
}

#[test]
fn reads_what_the_client_writes() {
    let all = vectors(OPS);
    assert!(all.len() > 15);
    let mut joined = Vec::new();
    for mut vector in all.clone() {
        let bytes = unhex(vector["hex"].as_str().unwrap_or_default());
        joined.extend_from_slice(&bytes);
        vector.as_object_mut().map(|o| o.remove("hex"));
        let mut batch = Batch::new(&bytes);
        let op = batch.next().map(|op| op.map(|op| describe(&op)));
        assert_eq!(op.and_then(Result::ok), Some(vector));
        assert!(batch.next().is_none());
    }
    let mut batch = Batch::new(&joined);
    for vector in &all {
        let op = batch.next().and_then(Result::ok).map(|op| describe(&op)["op"].clone());
        assert_eq!(op.as_ref(), Some(&vector["op"]));
    }
    assert!(batch.next().is_none());
}

#[test]
fn every_cut_and_every_changed_byte_is_an_error_or_another_operation() {
    for vector in vectors(OPS) {
        let bytes = unhex(vector["hex"].as_str().unwrap_or_default());
        for end in 1..bytes.len() {
            let mut batch = Batch::new(&bytes[..end]);
            assert!(batch.next().is_some_and(|op| op.is_err()), "{vector} cut at {end}");
            assert!(batch.next().is_none());
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                let mut batch = Batch::new(&changed);
                // It ends, whatever it says.
                while batch.next().is_some_and(|op| op.is_ok()) {}
                assert!(batch.next().is_none());
            }
        }
    }
}

#[test]
fn refuses_what_no_client_writes() {
    for bad in [
        "00",                                                      // no such operation
        "11",                                                      // no such operation
        "0100030001610000000000000000000000000000",                // no such policy
        "0102000001610000000000000000000000000000",                // no such flag
        "0d00022f61",                                              // an absolute path
        "0d00022e2e",                                              // a path that goes up
        "0d0003610062",                                            // a zero byte
        "0c00000001610000000000000000ffffffff",                    // more nanoseconds than a second has
        "0800010001630000000000000000000000000900000000000000000", // no such node
        "10ffffffff",                                              // more names than there are bytes
    ] {
        let bytes = unhex(bad);
        assert!(Batch::new(&bytes).next().is_some_and(|op| op.is_err()), "{bad}");
    }
}

#[test]
fn writes_what_the_client_reads() {
    let mut wrong = Vec::new();
    for vector in vectors(ENTRIES) {
        let mut out = Vec::new();
        put(&mut out, &vector["item"]);
        if hex(&out) != vector["hex"].as_str().unwrap_or_default() {
            wrong.push(format!("{} is {}", vector["item"], hex(&out)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn put(out: &mut Vec<u8>, item: &Value) {
    if let Some(bytes) = item.get("hole").and_then(Value::as_u64) {
        return put_hole(out, bytes);
    }
    if let Some(changed) = item.get("end").and_then(Value::as_bool) {
        return put_end(out, changed);
    }
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let number =
        |name: &str| item.get(name).map_or(0, |v| v.as_u64().unwrap_or_else(|| text(name).parse().unwrap_or(0)));
    let small = |name: &str| u32::try_from(number(name)).unwrap_or(0);
    let ns: i128 = text("mtimeNs").parse().unwrap_or(0);
    let (path, link, first) = (from_latin1(text("path")), from_latin1(text("link")), from_latin1(text("hardlink")));
    let kinds = [
        ("fifo", 0o01),
        ("char", 0o02),
        ("dir", DIR),
        ("block", 0o06),
        ("file", FILE),
        ("symlink", 0o12),
        ("socket", 0o14),
    ];
    let entry = Entry {
        path: &path,
        kind: kinds.iter().find(|(name, _)| *name == text("type")).map_or(0, |(_, kind)| *kind),
        mode: small("mode") as u16,
        uid: small("uid"),
        gid: small("gid"),
        size: number("size"),
        sec: ns.div_euclid(1_000_000_000) as i64,
        nsec: ns.rem_euclid(1_000_000_000) as u32,
        ino: number("ino"),
        dev: number("dev"),
        nlink: small("nlink"),
        blocks: number("blocks"),
        major: small("major"),
        minor: small("minor"),
        link: &link,
        hardlink: item.get("hardlink").is_some().then_some(&first),
    };
    put_entry(out, &entry);
    let mut xattrs = Xattrs::start(out);
    for (name, value) in item["xattrs"].as_object().into_iter().flatten() {
        xattrs.put(out, name.as_bytes(), &unhex(value.as_str().unwrap_or_default()));
    }
    xattrs.finish(out);
}
