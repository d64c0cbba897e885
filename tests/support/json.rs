//! Just enough JSON to read the reference files: numbers may stand in quotes.

use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub(crate) enum Json {
    Scalar(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    pub(crate) fn parse(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut at = 0;
        let value = Self::value(bytes, &mut at);
        skip(bytes, &mut at);
        assert_eq!(at, bytes.len(), "text after the value");
        value
    }

    pub(crate) fn get(&self, key: &str) -> &Self {
        match self {
            Self::Object(map) => map.get(key).unwrap_or_else(|| panic!("no key {key}")),
            other => panic!("{key} asked of {other:?}"),
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            other => panic!("not an array: {other:?}"),
        }
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Scalar(text) => text,
            other => panic!("not a scalar: {other:?}"),
        }
    }

    pub(crate) fn number(&self) -> f64 {
        self.text().parse().unwrap_or_else(|_| panic!("not a number: {}", self.text()))
    }

    pub(crate) fn numbers(&self) -> Vec<f64> {
        self.items().iter().map(Self::number).collect()
    }

    /// All numbers of nested arrays, in the order of the text.
    pub(crate) fn flat(&self) -> Vec<f64> {
        match self {
            Self::Array(items) => items.iter().flat_map(Self::flat).collect(),
            scalar => vec![scalar.number()],
        }
    }

    fn value(bytes: &[u8], at: &mut usize) -> Self {
        skip(bytes, at);
        match bytes[*at] {
            b'{' => {
                let mut map = BTreeMap::new();
                *at += 1;
                while !closed(bytes, at, b'}') {
                    let key = Self::value(bytes, at).text().to_owned();
                    skip(bytes, at);
                    assert_eq!(bytes[*at], b':');
                    *at += 1;
                    map.insert(key, Self::value(bytes, at));
                }
                Self::Object(map)
            }
            b'[' => {
                let mut items = Vec::new();
                *at += 1;
                while !closed(bytes, at, b']') {
                    items.push(Self::value(bytes, at));
                }
                Self::Array(items)
            }
            b'"' => {
                let start = *at + 1;
                *at = start;
                while bytes[*at] != b'"' {
                    *at += if bytes[*at] == b'\\' { 2 } else { 1 };
                }
                *at += 1;
                Self::Scalar(String::from_utf8_lossy(&bytes[start..*at - 1]).into_owned())
            }
            _ => {
                let start = *at;
                while *at < bytes.len() && !b",]} \n\r\t".contains(&bytes[*at]) {
                    *at += 1;
                }
                Self::Scalar(String::from_utf8_lossy(&bytes[start..*at]).into_owned())
            }
        }
    }
}

fn skip(bytes: &[u8], at: &mut usize) {
    while *at < bytes.len() && bytes[*at].is_ascii_whitespace() {
        *at += 1;
    }
}

/// Steps over a comma or the closing bracket; true at the latter.
fn closed(bytes: &[u8], at: &mut usize, bracket: u8) -> bool {
    skip(bytes, at);
    if bytes[*at] == b',' {
        *at += 1;
        return false;
    }
    let closed = bytes[*at] == bracket;
    *at += usize::from(closed);
    closed
}
