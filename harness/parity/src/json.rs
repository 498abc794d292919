//! The canonical form of a JSON text: what must be equal between two stores, and nothing else.
//!
//! Object key order, white space and the way a character is escaped do not count. Everything else does: array order,
//! duplicate keys (in their order), integers of any size, `1` against `1.0`, `-0.0` against `0.0`, null against absent.
//! Numbers with a fraction or an exponent are compared as the nearest double, because stores re-render them.

use std::cmp::Ordering;
use thiserror::Error;

/// Nesting beyond this is refused, so that hostile documents cost neither the stack nor quadratic time.
pub const MAX_DEPTH: usize = 2_000;

/// Why a text has no canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JsonError {
    /// Not JSON at this byte.
    #[error("not valid JSON at byte {0}")]
    Invalid(usize),
    /// Deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels at byte {0}")]
    TooDeep(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Array,
    Object,
}

#[derive(Debug)]
struct Frame {
    container: Container,
    /// Where the first member begins in the output.
    body: usize,
    /// Index of its first entry in `members`.
    first_member: usize,
    sorted: bool,
}

/// One member of an object that is being written: where it begins, where its decoded key lies.
#[derive(Debug, Clone, Copy)]
struct Member {
    /// First eight bytes of the decoded key, zeros after its end: mostly enough to order two keys.
    prefix: u64,
    start: usize,
    key_end: usize,
    end: usize,
}

/// Bytes before the decoded key of a member: tag and length.
const STRING_HEAD: usize = 5;

/// Writes canonical forms; keeps its buffers between documents.
#[derive(Debug, Default)]
pub struct Canonical {
    stack: Vec<Frame>,
    members: Vec<Member>,
    scratch: Vec<u8>,
}

impl Canonical {
    /// Appends the canonical form of one JSON text to `out`. The form is injective: two texts have the same bytes only
    /// if they are equal in the sense of this module.
    ///
    /// # Errors
    /// The text is not JSON, or nested too deeply; `out` then holds rubbish after its former end.
    pub fn write(&mut self, json: &str, out: &mut Vec<u8>) -> Result<(), JsonError> {
        self.stack.clear();
        self.members.clear();
        let mut input = Input { bytes: json.as_bytes(), at: 0 };
        loop {
            input.skip_space();
            let opened = match input.peek() {
                Some(b'{') => Some(Container::Object),
                Some(b'[') => Some(Container::Array),
                _ => None,
            };
            if let Some(container) = opened {
                input.at += 1;
                self.open(container, &input, out)?;
                input.skip_space();
                if input.peek() == Some(close_of(container)) {
                    input.at += 1;
                    self.close(out);
                } else {
                    if container == Container::Object {
                        self.key(&mut input, out)?;
                    }
                    continue;
                }
            } else {
                input.scalar(out)?;
            }
            if self.after_value(&mut input, out)? {
                return Ok(());
            }
        }
    }

    /// Consumes separators and closing brackets after a value. `true` once the whole text is consumed.
    fn after_value(&mut self, input: &mut Input<'_>, out: &mut Vec<u8>) -> Result<bool, JsonError> {
        loop {
            input.skip_space();
            let Some(frame) = self.stack.last() else {
                return if input.at == input.bytes.len() { Ok(true) } else { Err(input.invalid()) };
            };
            let container = frame.container;
            match input.peek() {
                Some(b',') => {
                    input.at += 1;
                    if container == Container::Object {
                        input.skip_space();
                        self.key(input, out)?;
                    }
                    return Ok(false);
                }
                Some(byte) if byte == close_of(container) => {
                    input.at += 1;
                    self.close(out);
                }
                _ => return Err(input.invalid()),
            }
        }
    }

    fn open(&mut self, container: Container, input: &Input<'_>, out: &mut Vec<u8>) -> Result<(), JsonError> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(JsonError::TooDeep(input.at));
        }
        out.push(if container == Container::Object { b'o' } else { b'a' });
        self.stack.push(Frame { container, body: out.len(), first_member: self.members.len(), sorted: true });
        Ok(())
    }

    fn key(&mut self, input: &mut Input<'_>, out: &mut Vec<u8>) -> Result<(), JsonError> {
        if input.peek() != Some(b'"') {
            return Err(input.invalid());
        }
        let start = out.len();
        input.string(out)?;
        let key_end = out.len();
        input.skip_space();
        if input.peek() != Some(b':') {
            return Err(input.invalid());
        }
        input.at += 1;
        let member = Member { prefix: prefix(&out[start + STRING_HEAD..key_end]), start, key_end, end: 0 };
        // A key is only ever read inside an open object.
        if let Some(frame) = self.stack.last_mut()
            && let Some(previous) = self.members[frame.first_member..].last_mut()
        {
            previous.end = start;
            frame.sorted = frame.sorted && by_key(out, previous, &member) != Ordering::Greater;
        }
        self.members.push(member);
        Ok(())
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        let Some(frame) = self.stack.pop() else { return };
        if !frame.sorted {
            let members = &mut self.members[frame.first_member..];
            if let Some(last) = members.last_mut() {
                last.end = out.len();
            }
            // Duplicate keys stay in their order.
            members.sort_unstable_by(|a, b| by_key(out, a, b).then(a.start.cmp(&b.start)));
            self.scratch.clear();
            for member in members.iter() {
                self.scratch.extend_from_slice(&out[member.start..member.end]);
            }
            out[frame.body..].copy_from_slice(&self.scratch);
        }
        self.members.truncate(frame.first_member);
        out.push(b'e');
    }
}

fn prefix(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = key.len().min(8);
    bytes[..length].copy_from_slice(&key[..length]);
    u64::from_be_bytes(bytes)
}

fn by_key(out: &[u8], a: &Member, b: &Member) -> Ordering {
    let rest = || out[a.start + STRING_HEAD..a.key_end].cmp(&out[b.start + STRING_HEAD..b.key_end]);
    a.prefix.cmp(&b.prefix).then_with(rest)
}

/// How many bytes at the beginning of `bytes` stand for themselves in a JSON string: no quote, backslash or control
/// character. Eight at a time.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // A byte's high bit is set where it is below the limit; above the lowest such byte there may be false ones.
        let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGHS;
        let special = below(word ^ (ONES * u64::from(b'"')), 1)
            | below(word ^ (ONES * u64::from(b'\\')), 1)
            | below(word, 0x20);
        if special != 0 {
            return at * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let special = |b: &u8| *b == b'"' || *b == b'\\' || *b < 0x20;
    bytes.len() - rest.len() + rest.iter().position(special).unwrap_or(rest.len())
}

fn close_of(container: Container) -> u8 {
    if container == Container::Object { b'}' } else { b']' }
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn invalid(&self) -> JsonError {
        JsonError::Invalid(self.at)
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn scalar(&mut self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.string(out),
            Some(b'-' | b'0'..=b'9') => self.number(out),
            Some(b't') => self.word("true", b't', out),
            Some(b'f') => self.word("false", b'f', out),
            Some(b'n') => self.word("null", b'n', out),
            _ => Err(self.invalid()),
        }
    }

    fn word(&mut self, word: &str, tag: u8, out: &mut Vec<u8>) -> Result<(), JsonError> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.invalid());
        }
        self.at += word.len();
        out.push(tag);
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.invalid()) } else { Ok(()) }
    }

    fn number(&mut self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.invalid()),
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            integer = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let literal = &self.bytes[start..self.at];
        if integer {
            // JSON allows no leading zeros and no plus sign: one value, one text. The one exception is the integer -0,
            // which stores read as 0.
            framed(b'i', if literal == b"-0" { b"0" } else { literal }, out);
            return Ok(());
        }
        let value = std::str::from_utf8(literal).ok().and_then(|text| text.parse::<f64>().ok());
        match value {
            Some(value) if value.is_finite() => {
                out.push(b'd');
                out.extend_from_slice(&value.to_bits().to_be_bytes());
            }
            // Out of a double's range: only the same text is surely the same number.
            _ => framed(b'D', literal, out),
        }
        Ok(())
    }

    /// Reads a string and writes its decoded content: UTF-8, lone surrogates in their three-byte form, which UTF-8 text
    /// cannot contain.
    fn string(&mut self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        self.at += 1;
        out.push(b's');
        let length_at = out.len();
        out.extend_from_slice(&[0; 4]);
        loop {
            let rest = &self.bytes[self.at..];
            let plain = plain_bytes(rest);
            let Some(special) = rest.get(plain) else { return Err(JsonError::Invalid(self.bytes.len())) };
            out.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match *special {
                b'"' => {
                    self.at += 1;
                    // Texts of 4 GiB do not reach this point: a store's document or page is far smaller.
                    let length = u32::try_from(out.len() - length_at - 4).map_err(|_| self.invalid())?;
                    out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
                    return Ok(());
                }
                b'\\' => self.escape(out)?,
                _ => return Err(self.invalid()),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        let byte = match self.bytes.get(self.at + 1) {
            Some(b'"') => b'"',
            Some(b'\\') => b'\\',
            Some(b'/') => b'/',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let unit = self.unit(self.at)?;
                self.at += 6;
                let mut code = u32::from(unit);
                if (0xD800..0xDC00).contains(&unit)
                    && let Ok(low @ 0xDC00..=0xDFFF) = self.unit(self.at)
                {
                    self.at += 6;
                    code = 0x1_0000 + ((code - 0xD800) << 10) + (u32::from(low) - 0xDC00);
                }
                encode(code, out);
                return Ok(());
            }
            _ => return Err(self.invalid()),
        };
        self.at += 2;
        out.push(byte);
        Ok(())
    }

    /// The UTF-16 unit of the `\uXXXX` at `at`.
    fn unit(&self, at: usize) -> Result<u16, JsonError> {
        let Some([b'\\', b'u', hex @ ..]) = self.bytes.get(at..at + 6) else {
            return Err(JsonError::Invalid(at));
        };
        hex.iter().try_fold(0_u16, |unit, &b| {
            let digit = char::from(b).to_digit(16).and_then(|d| u16::try_from(d).ok());
            digit.map(|d| unit << 4 | d).ok_or(JsonError::Invalid(at))
        })
    }
}

fn framed(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    // Saturation cannot happen: see `string`.
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// UTF-8 of a code point, surrogates included.
fn encode(code: u32, out: &mut Vec<u8>) {
    if let Some(c) = char::from_u32(code) {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        // A lone surrogate lies in 0xD800..=0xDFFF: every byte below fits.
        let bytes = [0xE0 | (code >> 12), 0x80 | (code >> 6 & 0x3F), 0x80 | (code & 0x3F)];
        out.extend(bytes.map(|b| u8::try_from(b).unwrap_or(0)));
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
