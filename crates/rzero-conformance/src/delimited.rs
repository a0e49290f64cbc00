//! The runner's framing: a length of four bytes, the highest first, and a message.

use rzero::prost::Message;
use rzero::{Class, Error, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest message that is read, in bytes: 64 MiB, far more than the suite's longest call.
pub const BYTES_MAX: u32 = 64 << 20;

/// Reads the next message; `None` when the input ends before one begins.
///
/// # Errors
/// When the input breaks or ends inside a message, when the message is longer than [`BYTES_MAX`],
/// or when it is not valid protobuf.
///
/// # Cancel safety
/// What was read so far is lost when the future is dropped.
pub async fn read<M: Message + Default>(input: &mut (impl AsyncRead + Unpin)) -> Result<Option<M>> {
    let mut length = [0; 4];
    if input.read(&mut length[..1]).await? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut length[1..]).await?;
    let length = u32::from_be_bytes(length);
    if length > BYTES_MAX {
        let text = format!("a message of {length} bytes is over the limit of {BYTES_MAX} bytes");
        return Err(Error::new(Class::TooLarge, text));
    }
    let mut message = Vec::new();
    let read = input
        .take(u64::from(length))
        .read_to_end(&mut message)
        .await?;
    if u64::try_from(read).ok() != Some(u64::from(length)) {
        return Err(Error::invalid_input("the input ended inside a message"));
    }
    Ok(Some(M::decode(message.as_slice())?))
}

/// Writes a message and flushes it.
///
/// # Errors
/// When the output breaks, or when the message is longer than [`BYTES_MAX`].
///
/// # Cancel safety
/// A part of the message may have been written when the future is dropped.
pub async fn write(output: &mut (impl AsyncWrite + Unpin), message: &impl Message) -> Result<()> {
    let body = message.encode_to_vec();
    let length = u32::try_from(body.len())
        .ok()
        .filter(|length| *length <= BYTES_MAX)
        .ok_or_else(|| Error::internal(format!("an answer of {} bytes", body.len())))?;
    output.write_all(&length.to_be_bytes()).await?;
    output.write_all(&body).await?;
    Ok(output.flush().await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::connectrpc::conformance::v1::Header;

    fn header() -> Header {
        Header {
            name: "a".to_owned(),
            value: vec!["b".to_owned()],
        }
    }

    #[tokio::test]
    async fn messages_are_read_as_they_were_written() {
        let mut wire = Vec::new();
        write(&mut wire, &header()).await.unwrap();
        write(&mut wire, &Header::default()).await.unwrap();
        let mut input = wire.as_slice();
        let first: Option<Header> = read(&mut input).await.unwrap();
        assert_eq!(first, Some(header()));
        let second: Option<Header> = read(&mut input).await.unwrap();
        assert_eq!(second, Some(Header::default()));
        assert_eq!(read::<Header>(&mut input).await.unwrap(), None);
    }

    #[tokio::test]
    async fn torn_input_is_an_error() {
        let mut wire = Vec::new();
        write(&mut wire, &header()).await.unwrap();
        for length in 1..wire.len() {
            assert!(read::<Header>(&mut &wire[..length]).await.is_err());
        }
    }

    #[tokio::test]
    async fn endless_message_is_refused_by_its_length() {
        let error = read::<Header>(&mut &[0xff; 5][..]).await.unwrap_err();
        assert_eq!(error.class(), Class::TooLarge);
    }
}
