//! Bytes in JSON: a string with one character per byte, U+0000 to U+00FF. Names of files need not be UTF-8.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes to send.
pub struct Latin1<'a>(pub &'a [u8]);

impl Serialize for Latin1<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let text: String = self.0.iter().copied().map(char::from).collect();
        s.serialize_str(&text)
    }
}

/// Bytes received.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ByteString(pub Vec<u8>);

impl<'de> Deserialize<'de> for ByteString {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = ByteString;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string of one character per byte")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteString, E> {
                let bytes: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
                bytes.map(ByteString).map_err(|_| E::custom("a character above U+00FF"))
            }
        }
        d.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives() -> Result<(), serde_json::Error> {
        let all: Vec<u8> = (0..=255).collect();
        let text = serde_json::to_string(&Latin1(&all))?;
        assert_eq!(serde_json::from_str::<ByteString>(&text)?.0, all);
        Ok(())
    }

    #[test]
    fn refuses_what_is_no_byte() {
        assert!(serde_json::from_str::<ByteString>("\"\u{100}\"").is_err());
        assert!(serde_json::from_str::<ByteString>("1").is_err());
    }
}
