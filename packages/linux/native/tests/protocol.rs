//! The parsers of the protocol over seeded noise and over damaged requests, so that every run of the tests does what the fuzzer
//! does for longer.

use gantry_native::protocol::{parse_request, parse_stream};
use gantry_native::wire::{Decoder, FS_BATCH, MAX_LEN, header};

/// xorshift64*: the same numbers in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

const REQUESTS: [&str; 5] = [
    r#"{"id":1,"op":"keeper","key":"k","dir":"/d","namespaces":["mount","pid","user"],"join":{"net":"/n"},"pin":{"ipc":"/i"},"idmap":{"uid":[[0,1,2]],"gid":[[0,1,2]]},"cgroup":{"mkdir":["/a"],"write":[{"path":"/a","data":"1","optional":true}],"procs":["/a/cgroup.procs"],"v2":"/b"},"oom":{"v1":{"control":"/c"}},"loopback":true}"#,
    r#"{"id":2,"op":"create","token":"t","io":{"terminal":false,"stdin":true},"log":{"format":"json-file","path":"/l","maxBytes":1,"maxFiles":2,"attrs":{"a":"b"},"full":"drop","bufferBytes":3},"plan":{"root":{"overlay":{"lower":["/l"],"upper":"/u","work":"/w"}},"rootPropagation":"slave","readonlyRoot":true,"mounts":[{"kind":"fs","fstype":"proc","source":"proc","target":"/proc","flags":14,"data":""},{"kind":"bind","source":"/s","target":"/t","create":null,"set":1}],"devices":[{"path":"/dev/null","type":"c","major":1,"minor":3,"mode":438,"uid":0,"gid":0}],"links":[{"path":"/a","target":"b"}],"console":false,"masked":["/m"],"readonly":["/r"],"sysctls":[["a","b"]],"process":{"args":["a"],"env":["A=b"],"cwd":"/","uid":0,"gid":0,"groups":[1],"caps":{"bounding":"0","effective":"0","permitted":"0","inheritable":"0","ambient":"0"},"rlimits":[[7,"1","2"]],"noNewPrivileges":true,"seccomp":{"bpf":"AAAA","flags":0},"path":["/bin"]}}}"#,
    r#"{"id":3,"op":"exec","execId":"x","io":{"terminal":true,"rows":1,"cols":2,"stdin":false},"process":{"args":["a"],"cwd":"/","uid":1,"gid":2,"caps":{"bounding":"ff","effective":"0","permitted":"0","inheritable":"0","ambient":"0"}}}"#,
    r#"{"id":4,"op":"ping"}"#,
    r#"{"id":5,"op":"walk","stream":1,"path":"a/b","data":true,"xattrs":false,"exclude":["c"]}"#,
];

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = header(kind, payload.len()).unwrap().to_vec();
    out.extend_from_slice(payload);
    out
}

#[test]
fn frames_come_out_as_they_went_in_whatever_the_pieces() {
    let mut noise = Noise(1);
    for _ in 0..300 {
        let frames: Vec<(u8, Vec<u8>)> = (0..noise.below(20))
            .map(|_| {
                let length = if noise.below(10) == 0 { noise.below(200_000) } else { noise.below(300) };
                (noise.next() as u8, (0..length).map(|_| noise.next() as u8).collect())
            })
            .collect();
        let stream: Vec<u8> = frames.iter().flat_map(|(kind, payload)| frame(*kind, payload)).collect();
        let mut decoder = Decoder::default();
        let mut seen = Vec::new();
        let mut rest = &stream[..];
        while !rest.is_empty() {
            let (piece, later) = rest.split_at((1 + noise.below(9000)).min(rest.len()));
            decoder.push(piece);
            rest = later;
            while let Some((kind, payload)) = decoder.next_frame().unwrap() {
                seen.push((kind, payload.to_vec()));
            }
        }
        assert!(decoder.is_empty());
        assert_eq!(seen, frames);
    }
}

#[test]
fn impossible_lengths_break_the_stream_at_once() {
    for length in [0, MAX_LEN as u32 + 1, u32::MAX] {
        let mut decoder = Decoder::default();
        decoder.push(&length.to_be_bytes());
        assert!(decoder.next_frame().is_err(), "{length}");
    }
    let mut decoder = Decoder::default();
    decoder.push(&(MAX_LEN as u32).to_be_bytes());
    assert_eq!(decoder.next_frame(), Ok(None));
    assert!(header(0, MAX_LEN).is_err());
    assert!(header(0, MAX_LEN - 1).is_ok());
}

#[test]
fn noise_is_survived() {
    let mut noise = Noise(2);
    let (mut frames, mut broken) = (0, 0);
    for _ in 0..20_000 {
        let mut bytes: Vec<u8> = (0..noise.below(400)).map(|_| noise.next() as u8).collect();
        // Lengths that can be, now and then, or hardly a byte would get past the first four.
        if noise.below(2) == 0 && bytes.len() > 4 {
            bytes[..3].fill(0);
        }
        let result = parse_stream(&bytes, &[1 + noise.below(64), 1 + noise.below(7)]);
        frames += result.0;
        broken += usize::from(result.1);
    }
    assert!(frames > 1000 && broken > 1000, "{frames} {broken}");
}

#[test]
fn damaged_requests_are_survived() {
    let mut noise = Noise(3);
    for round in 0..40_000 {
        let mut text = REQUESTS[round % REQUESTS.len()].as_bytes().to_vec();
        for _ in 0..noise.below(6) {
            if text.is_empty() {
                break;
            }
            let at = noise.below(text.len());
            match noise.below(5) {
                0 => text[at] = noise.next() as u8,
                1 => drop(text.remove(at)),
                2 => text.insert(at, b"{}[]\",:0-9e\\u"[noise.below(13)]),
                3 => text.truncate(at.max(1)),
                _ => {
                    let piece = text[at..(at + noise.below(40)).min(text.len())].to_vec();
                    text.splice(at..at, piece);
                }
            }
        }
        parse_request(0, &text);
    }
}

#[test]
fn depth_and_size_are_bounded() {
    for open in ["[", "{\"a\":"] {
        parse_request(0, format!("{{\"id\":1,\"op\":\"create\",\"token\":{}", open.repeat(100_000)).as_bytes());
    }
    parse_request(0, format!("{{\"id\":1,\"op\":\"{}\"}}", "x".repeat(MAX_LEN - 100)).as_bytes());
}

#[test]
fn damaged_batches_of_file_operations_are_read_or_refused() {
    // mkdir, a file with an attribute and a time, a node, names to keep: as test/fs-wire.json has them.
    const BATCH: &str = "000000010100010003612f6203ed00000001000000020000020020000266fc09ed000003e8000003e8ffffffffffffffff3b9ac9ff00000000000568656c6c6f\
        08000100016301b6000000000000000000000100000fff000fffff1000000002000161000262ff0900010001660006757365722e7800000002ff00";
    let good: Vec<u8> =
        (0..BATCH.len() / 2).map(|i| u8::from_str_radix(&BATCH[2 * i..2 * i + 2], 16).unwrap()).collect();
    assert_eq!(gantry_native::fs::parse(FS_BATCH, &good), 5);
    let mut noise = Noise(7);
    for _ in 0..20_000 {
        let mut bad = good.clone();
        for _ in 0..1 + noise.below(4) {
            let at = noise.below(bad.len());
            bad[at] = noise.next() as u8;
        }
        bad.truncate(noise.below(bad.len() + 1));
        assert!(gantry_native::fs::parse(FS_BATCH, &bad) <= bad.len());
    }
}
