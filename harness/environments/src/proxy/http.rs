//! As much of HTTP/1.1 as a proxy needs that passes messages on: heads as they came, and where bodies end.

use std::io::{Error, ErrorKind, Result};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest head passed on, in bytes: Elasticsearch itself takes 8 KiB lines and 16 KiB of headers.
const LONGEST_HEAD: usize = 64 << 10;

/// Head of a request or an answer, as it came.
#[derive(Debug)]
pub(super) struct Head {
    raw: Vec<u8>,
    /// First line without its end.
    pub(super) start: String,
    body: Body,
    /// Whether the sender closes the connection after this message.
    pub(super) closes: bool,
}

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Length(u64),
    Chunked,
    /// Nothing says so: a request has none, an answer lasts until the connection ends.
    Untold,
}

impl Head {
    /// Reads a head. Nothing if the other side closed the connection between two messages.
    pub(super) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Self>> {
        let mut raw = Vec::new();
        let mut head = Self { raw: Vec::new(), start: String::new(), body: Body::Untold, closes: false };
        loop {
            let before = raw.len();
            let read = from.read_until(b'\n', &mut raw).await?;
            if read == 0 && before == 0 {
                return Ok(None);
            }
            if read == 0 || raw.len() > LONGEST_HEAD {
                return Err(Error::new(ErrorKind::InvalidData, "a head without an end"));
            }
            let line = String::from_utf8_lossy(&raw[before..]).trim_end().to_owned();
            if before == 0 {
                head.start = line;
            } else if line.is_empty() {
                head.raw = raw;
                return Ok(Some(head));
            } else {
                head.header(&line)?;
            }
        }
    }

    fn header(&mut self, line: &str) -> Result<()> {
        let Some((name, value)) = line.split_once(':') else { return Ok(()) };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") && self.body != Body::Chunked {
            let length = value.parse().map_err(|_| Error::new(ErrorKind::InvalidData, "no length"))?;
            self.body = Body::Length(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding")
            && value.to_ascii_lowercase().contains("chunked")
        {
            self.body = Body::Chunked;
        } else if name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close") {
            self.closes = true;
        }
        Ok(())
    }

    /// Method of a request.
    pub(super) fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// Path of a request, without its query.
    pub(super) fn path(&self) -> &str {
        let target = self.start.split(' ').nth(1).unwrap_or_default();
        target.split('?').next().unwrap_or_default()
    }

    /// Status of an answer; 0 for what is none.
    pub(super) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
    }

    /// Passes a request on, head and body.
    pub(super) async fn pass_request(
        &self,
        from: &mut (impl AsyncBufRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<()> {
        to.write_all(&self.raw).await?;
        if self.body != Body::Untold {
            self.pass_body(from, to).await?;
        }
        to.flush().await
    }

    /// Passes an answer to `method` on. Returns whether the connection ends with it.
    pub(super) async fn pass_answer(
        &self,
        method: &str,
        from: &mut (impl AsyncBufRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<bool> {
        to.write_all(&self.raw).await?;
        let without = method == "HEAD" || matches!(self.status(), 100..=199 | 204 | 304);
        if !without {
            self.pass_body(from, to).await?;
        }
        to.flush().await?;
        Ok(self.closes || (!without && self.body == Body::Untold))
    }

    async fn pass_body(
        &self,
        from: &mut (impl AsyncBufRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<()> {
        match self.body {
            Body::Length(length) => exactly(from, to, length).await,
            Body::Untold => tokio::io::copy_buf(from, to).await.map(drop),
            Body::Chunked => loop {
                let size = line(from, to).await?;
                let size = size.split(';').next().unwrap_or_default().trim();
                let size = u64::from_str_radix(size, 16)
                    .map_err(|_| Error::new(ErrorKind::InvalidData, "no size of a chunk"))?;
                exactly(from, to, size).await?;
                if size > 0 {
                    line(from, to).await?;
                    continue;
                }
                // Trailers, if any, and the empty line.
                while !line(from, to).await?.is_empty() {}
                return Ok(());
            },
        }
    }
}

async fn exactly(
    from: &mut (impl AsyncBufRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    length: u64,
) -> Result<()> {
    let passed = tokio::io::copy_buf(&mut from.take(length), to).await?;
    if passed == length { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

/// Passes one line on, and returns it without its end.
async fn line(from: &mut (impl AsyncBufRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> Result<String> {
    let mut raw = Vec::new();
    if from.read_until(b'\n', &mut raw).await? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    to.write_all(&raw).await?;
    Ok(String::from_utf8_lossy(&raw).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::BufReader;

    async fn passed(message: &str) -> (String, String) {
        let mut from = BufReader::new(message.as_bytes());
        let head = Head::read(&mut from).await.unwrap().unwrap();
        let mut to = Vec::new();
        head.pass_answer("GET", &mut from, &mut to).await.unwrap();
        let mut rest = String::new();
        from.read_to_string(&mut rest).await.unwrap();
        (String::from_utf8(to).unwrap(), rest)
    }

    #[tokio::test]
    async fn a_message_ends_where_it_says() {
        let next = "HTTP/1.1 200 OK\r\n\r\n";
        for message in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
        ] {
            assert_eq!(passed(&format!("{message}{next}")).await, (message.to_owned(), next.to_owned()));
        }
        let open = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
        assert_eq!(passed(open).await, (open.to_owned(), String::new()));
    }

    #[tokio::test]
    async fn a_request_is_named_by_method_and_path() {
        let mut from = "POST /_reindex?timeout=30m HTTP/1.1\r\nConnection: close\r\n\r\n".as_bytes();
        let head = Head::read(&mut from).await.unwrap().unwrap();
        assert_eq!((head.method(), head.path(), head.closes), ("POST", "/_reindex", true));
        assert!(Head::read(&mut from).await.unwrap().is_none());
        assert!(Head::read(&mut "GET / HTT".as_bytes()).await.is_err());
    }
}
