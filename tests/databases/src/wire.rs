//! As much of MongoDB's protocol as it takes to start and tidy up a server, so that this crate needs no driver: one
//! command of one field, and the few fields of its answer that matter.
//!
//! Format: <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/#op_msg>, <https://bsonspec.org/spec.html>.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const OP_MSG: i32 = 2013;

/// A server that does not answer by then is not there.
const PATIENCE: Duration = Duration::from_secs(10);

/// More than any answer that is asked for here.
const LIMIT: usize = 1 << 20;

/// What a server answered: the BSON of a document.
#[derive(Debug)]
pub(crate) struct Answer(Vec<u8>);

/// Sends the command `{name: 1, $db: database}`.
pub(crate) fn command(server: SocketAddr, database: &str, name: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let document = document(&[&int(name, 1), &text("$db", database)]);
    // No flags; one section, of kind 0: a document.
    let mut message = Vec::from([0; 5]);
    message.extend(document);
    let mut request = Vec::new();
    for word in [16 + i32::try_from(message.len()).expect("a command is short"), 1, 0, OP_MSG] {
        request.extend(word.to_le_bytes());
    }
    request.extend(message);
    stream.write_all(&request)?;
    let mut head = [0; 16];
    stream.read_exact(&mut head)?;
    let length = usize::try_from(i32::from_le_bytes([head[0], head[1], head[2], head[3]])).unwrap_or(0);
    let body = length.checked_sub(16).filter(|body| (5..LIMIT).contains(body));
    let mut body = vec![0; body.ok_or_else(|| io::Error::other("not an answer of MongoDB's protocol"))?];
    stream.read_exact(&mut body)?;
    Ok(Answer(body.split_off(5)))
}

impl Answer {
    /// Whether the command was carried out.
    pub(crate) fn is_ok(&self) -> bool {
        self.after(1, "ok").is_some_and(|value| value.starts_with(&1f64.to_le_bytes()))
    }

    /// Whether a field is there and true.
    pub(crate) fn is_true(&self, field: &str) -> bool {
        self.after(8, field).is_some_and(|value| value.first() == Some(&1))
    }

    /// A field that is a text.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        let value = self.after(2, field)?.get(4..)?;
        let end = value.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&value[..end]).ok()
    }

    /// What follows the head of an element: its type and its name. Inner documents are searched too; the names asked
    /// for here stand for one thing wherever they are.
    fn after(&self, kind: u8, field: &str) -> Option<&[u8]> {
        let head = [&[kind], field.as_bytes(), &[0]].concat();
        let at = self.0.windows(head.len()).position(|window| window == head)?;
        self.0.get(at + head.len()..)
    }
}

fn document(elements: &[&[u8]]) -> Vec<u8> {
    let inner = elements.concat();
    let length = i32::try_from(inner.len() + 5).expect("a command is short");
    [&length.to_le_bytes()[..], &inner, &[0]].concat()
}

fn int(name: &str, value: i32) -> Vec<u8> {
    [&[16], name.as_bytes(), &[0], &value.to_le_bytes()].concat()
}

fn text(name: &str, value: &str) -> Vec<u8> {
    let length = i32::try_from(value.len() + 1).expect("a name is short");
    [&[2], name.as_bytes(), &[0], &length.to_le_bytes(), value.as_bytes(), &[0]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_written_as_its_specification_shows() {
        // The first example of bsonspec.org: {"hello": "world"}.
        let expected = b"\x16\x00\x00\x00\x02hello\x00\x06\x00\x00\x00world\x00\x00";
        assert_eq!(document(&[&text("hello", "world")]), expected);
    }

    #[test]
    fn an_answer_is_read_by_type_and_name() {
        let ok = [&[1][..], b"ok\0", &1f64.to_le_bytes()].concat();
        let answer = Answer(document(&[&text("version", "8.2.11"), b"\x08isWritablePrimary\0\x01", &ok]));
        assert!(answer.is_ok() && answer.is_true("isWritablePrimary") && !answer.is_true("version"));
        assert_eq!((answer.text("version"), answer.text("ok")), (Some("8.2.11"), None));
    }
}
