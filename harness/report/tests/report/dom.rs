//! Pages as a browser parses them.

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// A parsed page.
pub(crate) struct Page(RcDom);

impl Page {
    /// Parses a page; anything that a parser has to mend is a failure.
    pub(crate) fn parse(html: &str) -> Self {
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(html);
        let errors: Vec<String> = dom.errors.borrow().iter().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "the page is not well formed: {errors:?}");
        Self(dom)
    }

    /// Every element, in document order.
    pub(crate) fn elements(&self) -> Vec<Element> {
        fn walk(node: &Handle, all: &mut Vec<Element>) {
            if matches!(node.data, NodeData::Element { .. }) {
                all.push(Element(node.clone()));
            }
            node.children.borrow().iter().for_each(|child| walk(child, all));
        }
        let mut all = Vec::new();
        walk(&self.0.document, &mut all);
        all
    }

    /// Elements of one name.
    pub(crate) fn all(&self, name: &str) -> Vec<Element> {
        self.elements().into_iter().filter(|e| e.name() == name).collect()
    }

    /// The element with an id.
    pub(crate) fn by_id(&self, id: &str) -> Element {
        let found: Vec<Element> =
            self.elements().into_iter().filter(|e| e.attribute("id").as_deref() == Some(id)).collect();
        assert_eq!(found.len(), 1, "elements with the id {id}");
        found.into_iter().next().unwrap()
    }

    /// The text that a reader sees.
    pub(crate) fn text(&self) -> String {
        self.all("body")[0].text()
    }
}

/// One element.
pub(crate) struct Element(Handle);

impl Element {
    pub(crate) fn name(&self) -> String {
        match &self.0.data {
            NodeData::Element { name, .. } => name.local.to_string(),
            _ => String::new(),
        }
    }

    pub(crate) fn attributes(&self) -> Vec<(String, String)> {
        match &self.0.data {
            NodeData::Element { attrs, .. } => {
                attrs.borrow().iter().map(|a| (a.name.local.to_string(), a.value.to_string())).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        self.attributes().into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        fn walk(node: &Handle, text: &mut String) {
            if let NodeData::Text { contents } = &node.data {
                text.push_str(&contents.borrow());
            }
            node.children.borrow().iter().for_each(|child| walk(child, text));
        }
        let mut text = String::new();
        walk(&self.0, &mut text);
        text
    }
}

/// What holds for every page, whatever it shows.
pub(crate) fn assert_sound(html: &str) -> Page {
    let page = Page::parse(html);
    let ids: Vec<String> = page.elements().iter().filter_map(|e| e.attribute("id")).collect();
    for (n, id) in ids.iter().enumerate() {
        assert!(!ids[..n].contains(id), "the id {id} is given twice");
    }
    for element in page.elements() {
        let name = element.name();
        let loads = [
            "script", "img", "iframe", "object", "embed", "link", "audio", "video", "form", "base", "image",
            "use",
        ];
        assert!(!loads.contains(&name.as_str()), "an element that loads or runs something: {name}");
        for (attribute, value) in element.attributes() {
            assert!(
                !attribute.starts_with("on") && attribute != "style" && attribute != "src",
                "{name} {attribute}"
            );
            if attribute.ends_with("href") {
                assert!(
                    value.starts_with('#') && ids.iter().any(|id| *id == value[1..]),
                    "{name} links to {value}"
                );
            }
            if attribute == "aria-labelledby" {
                assert!(value.split(' ').all(|id| ids.iter().any(|known| known == id)), "{name}: {value}");
            }
            assert!(!value.contains("url("), "{name} {attribute}={value}");
        }
        match name.as_str() {
            "th" => {
                assert!(element.attribute("scope").is_some(), "a heading without scope: {}", element.text())
            }
            "svg" => {
                assert_eq!(element.attribute("role").as_deref(), Some("img"));
                assert!(element.attribute("aria-labelledby").is_some());
            }
            "table" => assert!(element.text().len() > 1),
            _ => {}
        }
    }
    for (name, many) in [("h1", 1), ("main", 1), ("header", 1), ("footer", 1), ("nav", 1), ("title", 1)] {
        let found = page.all(name).len();
        // An SVG has titles of its own.
        assert!(found == many || (name == "title" && found >= many), "{found} of {name}");
    }
    let policy = page
        .all("meta")
        .into_iter()
        .find(|m| m.attribute("http-equiv").as_deref() == Some("Content-Security-Policy"))
        .and_then(|m| m.attribute("content"))
        .expect("a policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.all("html")[0].attribute("lang").as_deref(), Some("en"));
    let hidden =
        |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c) || c == '\u{200b}';
    assert!(!html.chars().any(hidden), "something hidden is in the page");
    page
}
