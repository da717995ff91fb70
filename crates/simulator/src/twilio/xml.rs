//! Just enough XML for TwiML: elements, attributes, text.

use std::str::FromStr;

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_xml_entity,
    events::{BytesStart, Event},
};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Self>,
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Option<T> {
        self.attribute(name)?.trim().parse().ok()
    }
}

/// Why a text is not one well-formed element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) String);

fn malformed(why: impl ToString) -> Malformed {
    Malformed(why.to_string())
}

pub(crate) fn parse(text: &str) -> Result<Element, Malformed> {
    let mut reader = Reader::from_str(text);
    // The elements still open, outermost first; the bottom one stands for the document.
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(tag) => open.push(element(&tag)?),
            Event::Empty(tag) => adopt(&mut open, element(&tag)?)?,
            Event::End(_) => {
                let done = open.pop().ok_or_else(|| malformed("unexpected end"))?;
                adopt(&mut open, done)?;
            }
            Event::Text(part) => write(&mut open, &part.xml10_content()),
            Event::CData(part) => write(&mut open, &part.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(malformed)?;
                match character {
                    Some(character) => write(&mut open, character.encode_utf8(&mut [0; 4])),
                    None => {
                        let name = reference.xml10_content();
                        let known = resolve_xml_entity(&name);
                        write(&mut open, known.ok_or_else(|| malformed(format!("unknown entity {name}")))?);
                    }
                }
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let [document] = &mut open[..] else {
        return Err(malformed("an element is not closed"));
    };
    if document.children.len() != 1 || !document.text.trim().is_empty() {
        return Err(malformed("there must be exactly one root element"));
    }
    document.children.pop().ok_or_else(|| malformed("no root element"))
}

fn element(tag: &BytesStart<'_>) -> Result<Element, Malformed> {
    let mut element = Element { name: tag.name().0.to_owned(), ..Element::default() };
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(malformed)?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(malformed)?;
        element.attributes.push((attribute.key.0.to_owned(), value.into_owned()));
    }
    Ok(element)
}

fn adopt(open: &mut [Element], child: Element) -> Result<(), Malformed> {
    open.last_mut().ok_or_else(|| malformed("unexpected end"))?.children.push(child);
    Ok(())
}

fn write(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}
