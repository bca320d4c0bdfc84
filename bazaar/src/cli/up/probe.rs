//! A question to a gateway on this machine: one HTTP GET, nothing else. A whole HTTP client would be more than it takes.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::Address;

/// Longest time for one question.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// The status and body of `GET path`; `None` if there is no answer in time.
pub async fn get(address: &Address, path: &str) -> Option<(u16, String)> {
    tokio::time::timeout(TIMEOUT, ask(address, path)).await.ok()?.ok().as_deref().and_then(parse)
}

/// True if a gateway can serve a trade.
pub async fn is_ready(address: &Address) -> bool {
    get(address, "/readyz").await.is_some_and(|(status, _)| status == 200)
}

/// The id of the orders leader, if a gateway knows one.
pub async fn leader(address: &Address) -> Option<u8> {
    let (status, body) = get(address, "/leader").await?;
    let answer: Value = serde_json::from_str(&body).ok()?;
    (status == 200).then(|| answer["data"]["leader"].as_u64())??.try_into().ok()
}

async fn ask(address: &Address, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((address.host(), address.port())).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).await?;
    Ok(answer)
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one question with this text.
    async fn answering(text: &'static str) -> Address {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::loopback(listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            let _ = stream.read(&mut request).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn reads_the_leader() {
        let body = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"data\":{\"leader\":3,\"epoch\":7}}";
        assert_eq!(leader(&answering(body).await).await, Some(3));
        let none = "HTTP/1.1 503 Service Unavailable\r\n\r\n{\"error\":{\"code\":503}}";
        assert_eq!(leader(&answering(none).await).await, None);
    }

    #[tokio::test]
    async fn readiness_is_status_200_and_nothing_else() {
        assert!(is_ready(&answering("HTTP/1.1 200 OK\r\n\r\n").await).await);
        assert!(!is_ready(&answering("HTTP/1.1 503 No\r\n\r\n").await).await);
        assert!(!is_ready(&answering("nonsense").await).await);
        let nobody = Address::loopback(crate::config::free_ports(1).unwrap()[0]);
        assert!(!is_ready(&nobody).await);
    }
}
