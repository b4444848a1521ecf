//! Lines and mail data on a socket (RFC 5321 §2.3.8, §4.5.2). It must never interpret a command.

use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

/// Bytes of the largest mail, announced with SIZE (RFC 1870).
pub(super) const MAIL_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// RFC 5321 asks for 512 and lets extensions lengthen it; AUTH needs 12288 (RFC 4954 §4).
const LINE_BYTES_MAX: u64 = 12_288;

const CHUNK_BYTES_MAX: u64 = 64 * 1024;

/// How long a client may be silent (RFC 5321 §4.5.3.2.7).
const SILENCE_MAX: Duration = Duration::from_secs(300);

pub(super) struct Wire {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

#[derive(Debug)]
pub(super) enum Line {
    Text(String),
    TooLong,
    Silence,
    End,
}

pub(super) enum Data {
    Whole(Vec<u8>),
    TooBig,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> std::io::Result<Self> {
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        Ok(Self { reader: BufReader::new(reader), writer })
    }

    /// Sends a reply; its lines are separated by `\n`.
    pub(super) async fn say(&mut self, reply: &str) -> std::io::Result<()> {
        let bytes = format!("{}\r\n", reply.replace('\n', "\r\n"));
        self.writer.write_all(bytes.as_bytes()).await
    }

    pub(super) async fn line(&mut self) -> std::io::Result<Line> {
        let Some(mut bytes) = self.piece(LINE_BYTES_MAX).await? else { return Ok(Line::Silence) };
        if bytes.ends_with(b"\n") {
            let text = String::from_utf8_lossy(&bytes);
            return Ok(Line::Text(text.trim_end_matches(['\r', '\n']).to_owned()));
        }
        // The rest of an endless line is thrown away, so that the next command is read from its beginning.
        while !bytes.is_empty() && !bytes.ends_with(b"\n") {
            let Some(next) = self.piece(LINE_BYTES_MAX).await? else { return Ok(Line::Silence) };
            bytes = next;
        }
        Ok(if bytes.is_empty() { Line::End } else { Line::TooLong })
    }

    /// Reads to the line of one dot; a bare line feed neither begins nor ends a line, or one mail could
    /// smuggle in another.
    pub(super) async fn data(&mut self) -> std::io::Result<Data> {
        let mut mail = Vec::new();
        let mut is_too_big = false;
        let mut is_line_start = true;
        let mut ended_in_return = false;
        loop {
            let chunk = self.piece(CHUNK_BYTES_MAX).await?.ok_or(std::io::ErrorKind::TimedOut)?;
            if chunk.is_empty() {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if is_line_start && chunk == b".\r\n" {
                return Ok(if is_too_big { Data::TooBig } else { Data::Whole(mail) });
            }
            let text = if is_line_start { chunk.strip_prefix(b".").unwrap_or(&chunk) } else { &chunk };
            if (mail.len() + text.len()) as u64 <= MAIL_BYTES_MAX {
                mail.extend_from_slice(text);
            } else {
                is_too_big = true;
            }
            is_line_start = chunk.ends_with(b"\r\n") || (ended_in_return && chunk == b"\n");
            ended_in_return = chunk.ends_with(b"\r");
        }
    }

    /// Bytes up to a line feed, `most` or the end of the connection (then empty); none if the client is
    /// silent too long.
    async fn piece(&mut self, most: u64) -> std::io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let mut limited = (&mut self.reader).take(most);
        match timeout(SILENCE_MAX, limited.read_until(b'\n', &mut bytes)).await {
            Ok(read) => read.map(|_| Some(bytes)),
            Err(_) => Ok(None),
        }
    }
}
