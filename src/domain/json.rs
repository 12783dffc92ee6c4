//! JSON kept as it was written.
//!
//! What the caller addresses to the bank, and what the bank wants echoed, must not change on the
//! way: key order, spacing and the spelling of numbers stay. So objects are held as raw fields.

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Deepest nesting accepted. The bank's own objects go six deep; the bound keeps recursion small.
pub const DEPTH_MAX: usize = 32;

/// Longest text that is taken for a word; the bank's longest field name has 21 characters.
const WORD_CHARS_MAX: usize = 40;

/// A JSON value with the exact bytes it was written with.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Raw(Box<RawValue>);

impl Raw {
    /// `None` when the text is not one JSON value.
    pub fn parse(text: &str) -> Option<Self> {
        RawValue::from_string(text.to_owned()).ok().map(Self)
    }

    pub fn of(value: &impl Serialize) -> serde_json::Result<Self> {
        serde_json::value::to_raw_value(value).map(Self)
    }

    pub fn text(&self) -> &str {
        self.0.get()
    }

    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_str(self.0.get())
    }

    /// Whether both say the same, in whatever order and spacing.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self == other || canonical(self).is_ok_and(|one| canonical(other) == Ok(one))
    }

    /// What stands at a path of objects, found without reading anything beside it: a number there
    /// that fits no type hides nothing. `None` for `null` and where nothing stands.
    pub fn at(&self, path: &[&str]) -> Result<Option<Self>, NoObject> {
        if self.text() == "null" {
            return Ok(None);
        }
        let Some((key, rest)) = path.split_first() else { return Ok(Some(self.clone())) };
        let fields: Object = self.read().map_err(|_| NoObject)?;
        fields.get(key).map_or(Ok(None), |field| field.at(rest))
    }
}

/// On the way stands something that is no object, or one that can be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoObject;

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Raw {}

/// Never printed: it may hold names, accounts and tokens.
impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes of JSON>", self.text().len())
    }
}

/// A JSON object: its fields in their order, each as it was written. A repeated key is an error,
/// because two readers could take it two ways.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Object(Vec<(String, Raw)>);

impl Object {
    pub fn get(&self, name: &str) -> Option<&Raw> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub fn fields(&self) -> impl Iterator<Item = (&str, &Raw)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub fn push(&mut self, name: &str, value: Raw) {
        self.0.push((name.to_owned(), value));
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Object::default();
                while let Some((key, value)) = map.next_entry::<String, Raw>()? {
                    if object.get(&key).is_some() {
                        let key = if is_word(&key) { &key } else { "of an object" };
                        return Err(de::Error::custom(format_args!("key {key} occurs twice")));
                    }
                    object.0.push((key, value));
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// Whether a text looks like the name of a field or kind, so that a message may repeat it. What
/// somebody put there by mistake may be a card number, a token or a person's name.
pub(super) fn is_word(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b"_.-".contains(&b);
    (1..=WORD_CHARS_MAX).contains(&text.len()) && text.bytes().all(plain)
}

/// Writes a value in one agreed way: keys sorted, no spacing, strings escaped alike. Numbers keep
/// their spelling. Two commands are the same if and only if this text is.
pub fn canonical(value: &Raw) -> Result<String, String> {
    let mut out = String::with_capacity(value.text().len());
    write_canonical(value, 0, &mut out)?;
    Ok(out)
}

fn write_canonical(value: &Raw, depth: usize, out: &mut String) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!("is nested deeper than {DEPTH_MAX} levels"));
    }
    let text = |e: serde_json::Error| e.to_string();
    match value.text().as_bytes().first() {
        Some(b'{') => {
            let mut object: Object = value.read().map_err(text)?;
            object.0.sort_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            for (n, (key, value)) in object.0.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::to_string(key).map_err(text)?);
                out.push(':');
                write_canonical(value, depth + 1, out)?;
            }
            out.push('}');
        }
        Some(b'[') => {
            let items: Vec<Raw> = value.read().map_err(text)?;
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_canonical(item, depth + 1, out)?;
            }
            out.push(']');
        }
        Some(b'"') => {
            let string: String = value.read().map_err(text)?;
            out.push_str(&serde_json::to_string(&string).map_err(text)?);
        }
        _ => out.push_str(value.text()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canon(text: &str) -> Result<String, String> {
        canonical(&Raw::parse(text).expect("JSON"))
    }

    #[test]
    fn order_spacing_and_escapes_do_not_change_what_is_said() {
        let one = canon(r#"{"b": [1, 2.50], "a": "\u0041\/"}"#);
        assert_eq!(one, canon("{\"a\":\"A/\",\n\"b\":[1,2.50]}"));
        assert_eq!(one.as_deref(), Ok(r#"{"a":"A/","b":[1,2.50]}"#));
    }

    #[test]
    fn numbers_keep_their_spelling_however_large() {
        assert_ne!(canon("18446744073709551616"), canon("18446744073709551617"));
        assert_ne!(canon("1.0"), canon("1"));
    }

    #[test]
    fn repeated_keys_and_bottomless_nesting_are_errors() {
        assert!(canon(r#"{"a":{"b":1,"b":2}}"#).is_err());
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert!(canon(&deep).is_err());
    }

    #[test]
    fn raw_json_is_never_printed() {
        let raw = Raw::parse(r#"{"token":"3f03ee"}"#).expect("JSON");
        assert!(!format!("{raw:?}").contains("3f03ee"));
    }
}
